"""Reads the actors that threads and messages name, up to 100 per API call.

An *actor* is a participant in threads, such as an agent or a visitor. A record *names* an actor if
a column in `COLUMNS` or `LISTS` has the actor's ID.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.models import MAX_ACTORS, Record, StateChange
from tap_hubspot_threads.sync.context import MAX_CONSECUTIVE_FAILURES, CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_hubspot_threads.errors import HubSpotError
    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, Row
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import FailureLog

MAX_REMEMBERED = 50_000
"""Maximum number of actor IDs to remember. A remembered actor is not requested again. The most
recently named IDs are kept."""

MAX_HELD = 200
"""Maximum number of state changes to hold back. `Actors` holds back a state change until the actors
of all earlier records are yielded. At this number, `Actors` requests the queued actors, even if
there are fewer than `MAX_ACTORS`."""

COLUMNS = {"threads": ("assignedTo",), "messages": ("createdBy", "assignedTo", "assignedFrom")}
"""For each stream: the columns with an actor ID."""
LISTS = {"threads": (), "messages": ("senders", "recipients")}
"""For each stream: the columns with a list of objects that have an actor ID."""


class Actors:
    """Reads the actors that the records of threads and messages name.

    Implements `pipeline.ChildStream`.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        failures: Records the actors that cannot be read.
    """

    def __init__(self, api: HubSpotApi, pool: WorkerPool, failures: FailureLog) -> None:
        self._api, self._pool, self._failures = api, pool, failures
        self._requested: OrderedDict[str, None] = OrderedDict()
        self._pending: list[str] = []
        self._held: list[StateChange] = []
        self._breaker = CircuitBreaker("actors")
        self._has_returned_any = False
        """Whether a request for actors has succeeded. If so, HubSpot does not refuse all actors."""
        self._refused = 0
        """Number of actor IDs that HubSpot has refused so far."""

    def __call__(self, events: Iterable[Event], /) -> Iterator[Event]:
        """Yield the events, and a record for each actor that the records name.

        A state change is yielded after the actors that earlier records name. Exception: a state
        change with `save_now` is yielded at once.

        Raises:
            HubSpotError: if HubSpot seems to be down (`CircuitBreaker`), or if an error of the API
                ends the sync.
        """
        for event in events:
            if isinstance(event, Record):
                self._note(event)
            if isinstance(event, StateChange) and not event.save_now and self._is_waiting:
                self._held.append(event)
            else:
                yield event
            if len(self._pending) >= MAX_ACTORS or len(self._held) >= MAX_HELD:
                yield from self._flush()
        yield from self._flush()

    @property
    def _is_waiting(self) -> bool:
        return bool(self._pending or self._held)

    def _note(self, record: Record) -> None:
        """Queue the actors that a record names, except the remembered actors."""
        for actor_id in named_in(record):
            is_new = actor_id not in self._requested
            self._requested[actor_id] = None
            self._requested.move_to_end(actor_id)
            if is_new:
                self._pending.append(actor_id)
        while len(self._requested) > MAX_REMEMBERED:
            self._requested.popitem(last=False)

    def _flush(self) -> Iterator[Event]:
        while self._pending:
            ids, self._pending = self._pending[:MAX_ACTORS], self._pending[MAX_ACTORS:]
            for row in self._read_all(ids):
                yield Record("actors", row)
        held, self._held = self._held, []
        yield from held

    def _read_all(self, ids: Sequence[str], *, once: bool = False) -> list[Row]:
        """Return the rows of the actors that HubSpot has.

        If a request with several IDs fails, request each half of the IDs separately, to find the
        IDs that fail. But if HubSpot seems to refuse all actors, do not request the halves.

        Args:
            ids: The actor IDs.
            once: Whether to make the request without retries. A request with a single ID is always
                retried, so that a transient error does not lose an actor.
        """
        once = once and len(ids) > 1
        try:
            rows = self._pool.run(partial(self._api.read_actors, ids, once=once))
        except (TransientError, RefusedError) as error:
            if len(ids) == 1 or self._seems_to_refuse_all:
                for actor_id in ids:
                    self._fail(actor_id, error)
                return []
            half = len(ids) // 2
            return self._read_all(ids[:half], once=True) + self._read_all(ids[half:], once=True)
        self._breaker.reset()
        self._has_returned_any = True
        return rows

    @property
    def _seems_to_refuse_all(self) -> bool:
        """Whether HubSpot probably refuses all actors. If so, smaller requests would fail too."""
        return not self._has_returned_any and self._refused >= MAX_CONSECUTIVE_FAILURES

    def _fail(self, actor_id: str, error: HubSpotError) -> None:
        """Record that an actor cannot be read.

        If HubSpot refuses an actor, HubSpot is not down. So the circuit breaker does not count this
        error.
        """
        self._failures.note(actor_id, error)
        if isinstance(error, RefusedError):
            self._refused += 1
        else:
            self._breaker.note(actor_id, error, is_quarantined=False)


def named_in(record: Record) -> Iterator[str]:
    """Yield the IDs of the actors that a record names."""
    if record.stream not in COLUMNS:
        return
    ids = [record.row[name] for name in COLUMNS[record.stream]]
    for name in LISTS[record.stream]:
        found = record.row[name] or []
        ids += [item.get("actorId") for item in found if isinstance(item, dict)]
    for actor_id in ids:
        if isinstance(actor_id, str) and actor_id:
            yield actor_id
