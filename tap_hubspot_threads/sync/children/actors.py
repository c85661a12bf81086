"""The actors that threads and messages name, read a hundred at a time."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.models import MAX_ACTORS, Out
from tap_hubspot_threads.sync.failures import MAX_CONSECUTIVE_FAILURES, CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_hubspot_threads.errors import HubSpotError
    from tap_hubspot_threads.models import HubSpot, Row
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.stats import Read

REMEMBERED = 50_000
"""Actors that are not asked for again, the last ones that were named."""

MOST_HELD = 200
"""What is done behind threads waits for their actors; so often at the most, that STATE goes on."""

COLUMNS = {"threads": ("assignedTo",), "messages": ("createdBy", "assignedTo", "assignedFrom")}
LISTS = {"threads": (), "messages": ("senders", "recipients")}


class Actors:
    """Reads actors; a `ChildStream`.

    Args:
        hubspot: The account.
        workers: Who reads it.
        read: What is noted at once.
    """

    def __init__(self, hubspot: HubSpot, workers: WorkerPool, read: Read) -> None:
        self._hubspot, self._workers, self._read = hubspot, workers, read
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._pending: list[str] = []
        self._held: list[Callable[[], None]] = []
        self._streak = CircuitBreaker("actors")
        self._has_given = False
        """Whether HubSpot has given any: then a refusal is about single actors."""
        self._refused = 0
        """Actors that HubSpot has refused so far, each by itself."""

    def __call__(self, outs: Iterable[Out], /) -> Iterator[Out]:
        """As `ChildStream` says: what is done behind a row waits until its actors are out.

        Raises:
            HubSpotError: what the account raises, and if `MAX_CONSECUTIVE_FAILURES` actors in a row
                cannot be read.
        """
        for out in outs:
            self._note(out)
            if not self._pending and not self._held:
                yield out
                continue
            if out.then is not None:
                self._held.append(out.then)
            if out.row is not None or out.first is not None:
                yield out._replace(then=None)
            if len(self._pending) >= MAX_ACTORS or len(self._held) >= MOST_HELD:
                yield from self._flush()
        yield from self._flush()

    def _note(self, out: Out) -> None:
        """Have the actors read that a row names, each once."""
        for actor_id in named_in(out):
            is_new = actor_id not in self._asked
            self._asked[actor_id] = None
            self._asked.move_to_end(actor_id)
            if is_new:
                self._pending.append(actor_id)
        while len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)

    def _flush(self) -> Iterator[Out]:
        while self._pending:
            ids, self._pending = self._pending[:MAX_ACTORS], self._pending[MAX_ACTORS:]
            for row in self._read_all(ids):
                yield Out("actors", row)
        held, self._held = self._held, []
        for then in held:
            yield Out(then=then)

    def _read_all(self, ids: Sequence[str], *, once: bool = False) -> list[Row]:
        """Return those that HubSpot has; where it refuses the batch, all but the ids at fault.

        An id that is left for itself has all of the tries: what passes must not lose an actor.
        """
        once = once and len(ids) > 1
        try:
            rows = self._workers.call(partial(self._hubspot.actors, ids, once=once))
        except (TransientError, RefusedError) as error:
            if len(ids) == 1 or self._refuses_all:
                for actor_id in ids:
                    self._fail(actor_id, error)
                return []
            half = len(ids) // 2
            return self._read_all(ids[:half], once=True) + self._read_all(ids[half:], once=True)
        self._streak.end()
        self._has_given = True
        return rows

    @property
    def _refuses_all(self) -> bool:
        """Whether HubSpot seems to refuse every actor, so that halving a batch finds none."""
        return not self._has_given and self._refused >= MAX_CONSECUTIVE_FAILURES

    def _fail(self, actor_id: str, error: HubSpotError) -> None:
        """Note an actor that cannot be read; a refusal says nothing of HubSpot."""
        self._read.actors.note(actor_id, error)
        if isinstance(error, RefusedError):
            self._refused += 1
        else:
            self._streak.note(actor_id, error, is_quarantined=False)


def named_in(out: Out) -> Iterator[str]:
    """Yield the ids of the actors that a row names."""
    if out.row is None or out.stream not in COLUMNS:
        return
    ids = [out.row[name] for name in COLUMNS[out.stream]]
    for name in LISTS[out.stream]:
        found = out.row[name] or []
        ids += [item.get("actorId") for item in found if isinstance(item, dict)]
    for actor_id in ids:
        if isinstance(actor_id, str) and actor_id:
            yield actor_id
