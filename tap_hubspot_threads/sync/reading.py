"""Reading threads by id, many at a time: in order, on either side, none silently lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_hubspot_threads.contract import HubSpotError, MissingError, PassingError, RefusedError
from tap_hubspot_threads.sync.out import Out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.contract import HubSpot, Row
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.workers import Workers

FAILURES_IN_A_ROW = 5
"""After so many neighbours that could not be read, HubSpot is taken to be down."""


class ThreadId(NamedTuple):
    """A thread to read."""

    id: str
    archived: bool = False
    """Whether it is thought to be archived."""
    always: bool = False
    """Whether its row goes out even if it is known."""


class Got(NamedTuple):
    """What became of reading a thread."""

    asked: ThreadId
    found: Row | HubSpotError | None
    """Its row; None where HubSpot has no such thread; or why only this thread cannot be read."""
    looks: int
    """How often it was looked for; each took a call, retries apart."""


class Reader:
    """Reads threads by id.

    Args:
        hubspot: The account.
        workers: Who does it.
        read: Is told which threads were handed out.
        looks: How often a thread is looked for before it is missing: on the side where it is
            thought to be, on the other one, and once more on the first, as it may have changed
            sides in between.
    """

    def __init__(self, hubspot: HubSpot, workers: Workers, read: Read, *, looks: int) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._read_so_far, self._looks = read, looks
        self._failed: set[str] = set()

    def read(
        self, ids: Iterable[ThreadId | Out], *, are_suspect: bool = False
    ) -> Iterator[Got | Out]:
        """Yield what became of each thread, in the order of the ids.

        Args:
            ids: What to read. An `Out` among them is handed through, to its place.
            are_suspect: Whether the ids are known to fail, which then says nothing of HubSpot.

        Raises:
            HubSpotError: if `FAILURES_IN_A_ROW` threads one after the other could not be read.
        """
        in_a_row = 0
        for got in self._workers.each(self._read, self._note_taken(ids)):
            yield got
            if isinstance(got, Out):
                continue
            if not isinstance(got.found, HubSpotError):
                in_a_row = 0
                continue
            in_a_row += not are_suspect and got.asked.id not in self._failed
            self._failed.add(got.asked.id)
            if in_a_row >= FAILURES_IN_A_ROW:
                message = (
                    f"{got.found} {in_a_row} threads in a row could not be read, so the sync ends "
                    "here. Run it again later."
                )
                raise HubSpotError(message)

    def _note_taken(self, ids: Iterable[ThreadId | Out]) -> Iterator[ThreadId | Out]:
        for item in ids:
            if isinstance(item, ThreadId):
                self._read_so_far.taken.add(item.id)
            yield item

    def _read(self, item: ThreadId | Out) -> Got | Out:
        """Read a thread; runs on a worker."""
        if isinstance(item, Out):
            return item
        sides = (item.archived, not item.archived, item.archived)[: self._looks]
        for looks, archived in enumerate(sides, start=1):
            try:
                return Got(item, self._hubspot.thread(item.id, archived=archived), looks)
            except MissingError:
                continue
            except (PassingError, RefusedError) as error:
                return Got(item, error, looks)
        return Got(item, None, len(sides))
