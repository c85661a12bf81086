"""Types that the API and the sync share: rows, pages, thread references, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

Row: TypeAlias = dict[str, Any]
"""A record with the columns of its stream's schema, cleaned."""


@dataclass(frozen=True)
class ReferenceList:
    """A stream that each sync reads completely."""

    name: str
    """The name of the stream and of its schema file."""
    path: str
    """The path after that of the API version."""
    has_archived: bool = False
    """Whether archived entries take a separate request."""


REFERENCE_LISTS = (
    ReferenceList("inboxes", "/inboxes", has_archived=True),
    ReferenceList("channels", "/channels"),
    ReferenceList("channel_accounts", "/channel-accounts", has_archived=True),
)

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
    """Time from the request to the response, retries included."""
    received_at: float = 0
    """When the response arrived, in monotonic seconds."""
    shrink: Callable[[], None] = lambda: None
    """Drops the parsed copy of the response, which takes 5 times the memory of its bytes."""
    is_dated: bool = True
    """Whether a response of this sync had a usable `Date`; else `now` is our clock less an hour."""
    ids: Sequence[str] = ()
    """The IDs of the rows, known without building the rows."""


class ThreadRef(NamedTuple):
    """A thread to read by ID."""

    id: str
    archived: bool = False
    """Whether to request it as an archived thread first."""
    always_emit: bool = False
    """Whether its record is emitted even if it has not changed."""
    has_new_message: bool = False
    """Whether its messages are read even if its record has not changed."""


class Record(NamedTuple):
    """A row to emit for a stream."""

    stream: str
    row: Row


class ReadMessages(NamedTuple):
    """A request for the messages of a thread. `Messages` replaces the event with their records."""

    thread: ThreadRef


class StateChange(NamedTuple):
    """A change of the state, applied after all earlier records are written.

    Only the writing loop applies it, before it requests the next event. So the state never gets
    ahead of the output, however far ahead the tap reads.
    """

    apply: Callable[[], None]
    save_now: bool = False
    """Whether STATE is written immediately, before the next record."""


Event: TypeAlias = Record | ReadMessages | StateChange

CHECKPOINT = StateChange(lambda: None)
"""Allows a STATE message here, for example at the end of a page."""


@dataclass(frozen=True)
class Selection:
    """The selected streams that decide what is read."""

    threads: bool = True
    thread_index: bool = False
    messages: bool = False
    actors: bool = False
    reference_lists: tuple[ReferenceList, ...] = ()

    @classmethod
    def of(cls, names: Collection[str]) -> Selection:
        """Return the selection for the names of the selected streams."""
        return cls(
            threads="threads" in names,
            thread_index="thread_index" in names,
            messages="messages" in names,
            actors="actors" in names,
            reference_lists=tuple(entry for entry in REFERENCE_LISTS if entry.name in names),
        )

    @property
    def follows_threads(self) -> bool:
        """Whether a selected stream needs threads to be read."""
        return self.threads or self.messages or self.actors
