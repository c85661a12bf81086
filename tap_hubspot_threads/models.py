"""Types that the API and the sync share: rows, pages, thread references, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tap_hubspot_threads.reference_lists import REFERENCE_LISTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tap_hubspot_threads.reference_lists import ReferenceList

Row: TypeAlias = dict[str, Any]
"""A cleaned JSON object with exactly the columns of its stream's schema."""


REPLICATION_KEY = "latestMessageTimestamp"
"""The replication key of threads. HubSpot can sort and filter the list of threads by it."""

MAX_ACTORS = 100
"""Actors per request. HubSpot documents no maximum; other clients send 100."""


@dataclass(frozen=True)
class Page:
    """A page of a list."""

    rows: Collection[Row]
    """Each iteration builds the rows again, because prefetched pages are kept as bytes."""
    cursor: str | None
    """The decoded cursor of the next page; None only on the last page."""
    now: str
    """HubSpot's clock at the response, as a cleaned time."""
    size: int = 0
    """Bytes of the response."""
    seconds: float = 0
    """Seconds from the request to the response, including retries."""
    received_at: float = 0
    """When the response arrived, in monotonic seconds."""
    shrink: Callable[[], None] = lambda: None
    """Frees the parsed response, which takes 5 times as much memory as the unparsed response."""
    is_dated: bool = True
    """Whether a response of this sync had a usable `Date`. If not, `now` is the local clock minus
    one hour."""
    ids: Sequence[str] = ()
    """The IDs of the rows, available without building the rows."""
    do_larger_fail: bool = False
    """Whether the page has only one row because larger pages failed at this place."""


class ThreadRef(NamedTuple):
    """A thread to read by ID."""

    id: str
    archived: bool = False
    """Whether to request the thread with `archived=true` first."""
    always_emit: bool = False
    """Whether to emit the record even if it has not changed."""
    has_new_message: bool = False
    """Whether to read the messages even if the record has not changed."""
    is_unlisted: bool = False
    """Whether no list can return the thread's row. So the thread may be outside the filters. The
    thread may not even exist: if an outage ends during the search for a failing row, the search can
    return any ID."""


class Record(NamedTuple):
    """A row to emit as a record of a stream."""

    stream: str
    row: Row


class ReadMessages(NamedTuple):
    """A placeholder for a thread's messages. `Messages` replaces it with the messages' records."""

    thread: ThreadRef


class StateChange(NamedTuple):
    """A state change that is applied after all earlier records are written.

    Only the writing loop applies state changes, before it requests the next event. The state
    therefore never covers an unwritten record, even though the tap reads ahead.
    """

    apply: Callable[[], None]
    save_now: bool = False
    """Whether to write STATE immediately, before the next record."""


Event: TypeAlias = Record | ReadMessages | StateChange

CHECKPOINT = StateChange(lambda: None)
"""A point at which a STATE message may be written, such as the end of a page."""


@dataclass(frozen=True)
class Selection:
    """The selected streams that need API calls."""

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
        """Whether a selected stream needs threads to be read."""
        return self.threads or self.messages or self.actors
