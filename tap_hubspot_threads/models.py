"""Types that the API and the sync share: rows, pages, thread references, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tap_hubspot_threads.reference_lists import REFERENCE_LISTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tap_hubspot_threads.reference_lists import ReferenceList

Row: TypeAlias = dict[str, Any]
"""A JSON object from HubSpot, converted to the columns of its stream's schema (`RowCleaner`)."""


REPLICATION_KEY = "latestMessageTimestamp"
"""The replication key of the stream `threads`. HubSpot can sort and filter the list of threads by
this column."""

MAX_ACTORS = 100
"""Maximum actor IDs per request. HubSpot documents no maximum. Other clients send 100."""


@dataclass(frozen=True)
class Page:
    """A page of a list."""

    rows: Collection[Row]
    """The rows. The tap keeps the page as bytes, so each iteration builds the rows again."""
    cursor: str | None
    """The cursor of the next page. None: this is the last page."""
    now: str
    """HubSpot's time at the response, such as `2026-01-31T09:00:00.000Z` (`ApiResponse.now`)."""
    size: int = 0
    """Bytes of the response."""
    seconds: float = 0
    """Seconds to get the response, including retries and waits."""
    received_at: float = 0
    """The arrival of the response, in monotonic seconds."""
    shrink: Callable[[], None] = lambda: None
    """Frees the parsed response, to save memory. Each later iteration over `rows` parses the bytes
    again."""
    is_dated: bool = True
    """Whether this or an earlier response had a plausible `Date` (`HubSpotClock.is_known`). If not,
    `now` is the local time minus one hour."""
    ids: Sequence[str] = ()
    """The IDs of the rows, available without building the rows."""
    do_larger_fail: bool = False
    """Whether the page was requested with `limit=1` because larger pages failed at this cursor."""


class ThreadRef(NamedTuple):
    """A thread to read by ID."""

    id: str
    archived: bool = False
    """True: request the thread as archived, and after a 404 as live. False: request the thread as
    live, and after a 404 as archived."""
    always_emit: bool = False
    """Whether to emit the record even if it has not changed."""
    has_new_message: bool = False
    """Whether to read the messages even if the record has not changed."""
    is_unlisted: bool = False
    """Whether HubSpot fails to list the thread. `range_reader.RangeReader` finds only the ID of
    such a thread, so the thread may not match the filters. After an outage during the search, the
    ID may belong to no thread."""


class Record(NamedTuple):
    """A row to emit as a record of a stream."""

    stream: str
    row: Row


class ReadMessages(NamedTuple):
    """A request to read a thread's messages.

    `sync.children.messages.Messages` replaces this event with the records of the messages.
    """

    thread: ThreadRef


class StateChange(NamedTuple):
    """A change of the state, which is applied after the records of all earlier events are written.

    Only `EventWriter` applies state changes, each before it requests the next event. So the state
    never covers an unwritten record, although the tap reads ahead.
    """

    apply: Callable[[], None]
    """Changes the state."""
    save_now: bool = False
    """Whether to write a STATE message immediately, before the next record."""


Event: TypeAlias = Record | ReadMessages | StateChange

CHECKPOINT = StateChange(lambda: None)
"""A state change without effect. After this event, for example at the end of a page, `EventWriter`
may write a STATE message."""


@dataclass(frozen=True)
class Selection:
    """The selected streams, without `deleted_threads`, which causes no API call of its own."""

    threads: bool = True
    thread_index: bool = False
    messages: bool = False
    actors: bool = False
    reference_lists: tuple[ReferenceList, ...] = ()

    @classmethod
    def of(cls, names: Collection[str]) -> Selection:
        """Return the selection for these stream names."""
        return cls(
            threads="threads" in names,
            thread_index="thread_index" in names,
            messages="messages" in names,
            actors="actors" in names,
            reference_lists=tuple(entry for entry in REFERENCE_LISTS if entry.name in names),
        )

    @property
    def needs_threads(self) -> bool:
        """Whether `threads`, `messages` or `actors` is selected.

        `thread_index` does not count, because list requests are enough for that stream.
        """
        return self.threads or self.messages or self.actors
