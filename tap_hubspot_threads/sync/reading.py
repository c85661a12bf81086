"""Reading threads by id, many at a time: in order, on either side, none silently lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_hubspot_threads.errors import HubSpotError, MissingError, PassingError, RefusedError
from tap_hubspot_threads.sync.failures import Streak
from tap_hubspot_threads.sync.out import Out, ThreadId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.contract import HubSpot, Row
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.workers import Workers

LOOKS = 2
"""Calls that it takes at the most, retries apart, to read a thread or find that it is missing."""


class Got(NamedTuple):
    """What became of reading a thread."""

    asked: ThreadId
    found: Row | HubSpotError | None
    """Its row; None where HubSpot has it on neither side; or why it cannot be read."""
    looks: int
    """How often it was looked for; each took a call, retries apart."""
    now: str | None = None
    """HubSpot's clock at the last look, where it was in vain and HubSpot tells."""


class Reader:
    """Reads threads by id.

    Args:
        hubspot: The account.
        workers: Who does it.
        read: Is told which threads were handed out.
        is_suspect: Whether a thread has failed so often that it is tried once only, which then says
            nothing of HubSpot.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: Workers,
        read: Read,
        *,
        is_suspect: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._read_so_far, self._is_suspect = read, is_suspect
        self._streak = Streak("threads")

    def read(
        self, ids: Iterable[ThreadId | Out], *, are_suspect: bool = False
    ) -> Iterator[Got | Out]:
        """Yield what became of each thread, in the order of the ids.

        Args:
            ids: What to read. An `Out` among them is handed through, to its place.
            are_suspect: Whether the ids have failed before, which then says nothing of HubSpot.

        Raises:
            HubSpotError: if `FAILURES_IN_A_ROW` threads one after the other could not be read.
        """
        self._streak.end()
        for got in self._workers.each(self._read, self._note_taken(ids)):
            yield got
            if isinstance(got, Out):
                continue
            if isinstance(got.found, HubSpotError):
                name = got.asked.id
                is_suspect = are_suspect or self._is_suspect(name)
                self._streak.note(name, got.found, is_suspect=is_suspect)
            else:
                self._streak.end()

    def _note_taken(self, ids: Iterable[ThreadId | Out]) -> Iterator[ThreadId | Out]:
        for item in ids:
            if isinstance(item, ThreadId):
                self._read_so_far.taken.add(item.id)
            yield item

    def _read(self, item: ThreadId | Out) -> Got | Out:
        """Read a thread, on a worker."""
        if isinstance(item, Out):
            return item
        return look_for(self._hubspot, item, once=self._is_suspect(item.id))


def look_for(hubspot: HubSpot, thread: ThreadId, *, once: bool = False) -> Got:
    """Read a thread, on the side where it is thought to be, then on the other.

    Args:
        hubspot: The account.
        thread: The thread.
        once: Whether each call is tried once only.
    """
    now = None
    for looks, archived in enumerate((thread.archived, not thread.archived), start=1):
        try:
            row = hubspot.thread(thread.id, archived=archived, once=once)
        except MissingError as error:
            now = error.now
        except (PassingError, RefusedError) as error:
            return Got(thread, error, looks)
        else:
            return Got(thread, row, looks)
    return Got(thread, None, LOOKS, now)
