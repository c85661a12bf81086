"""What HubSpot's side and the sync share: rows, pages, references to threads, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

Row: TypeAlias = dict[str, Any]
"""A record as it is emitted: the columns of its stream's schema, cleaned."""


@dataclass(frozen=True)
class ReferenceList:
    """A stream that each sync lists as a whole."""

    name: str
    """The stream's, and that of its schema's file."""
    path: str
    """Below the path of the API's version."""
    has_archived: bool = False
    """Whether archived ones are listed by a call of their own."""


REFERENCE_LISTS = (
    ReferenceList("inboxes", "/inboxes", has_archived=True),
    ReferenceList("channels", "/channels"),
    ReferenceList("channel_accounts", "/channel-accounts", has_archived=True),
)

REPLICATION_KEY = "latestMessageTimestamp"
"""The replication key of threads, by which HubSpot can sort and filter their list."""

MAX_ACTORS = 100
"""Actors per request. HubSpot documents no maximum; it is what clients send."""


@dataclass(frozen=True)
class Page:
    """A page of a list."""

    rows: Collection[Row]
    """Built anew by each iteration: pages that are read ahead are kept as bytes."""
    cursor: str | None
    """The cursor of the next page, decoded; None after the last page only."""
    now: str
    """HubSpot's clock at the response, as a cleaned time."""
    size: int = 0
    """Bytes of the response."""
    seconds: float = 0
    """Time from the request to the response, retries included."""
    received_at: float = 0
    """When the response came, in monotonic seconds."""
    shrink: Callable[[], None] = lambda: None
    """Drops the parsed copy of the response, which takes five times its bytes."""
    is_dated: bool = True
    """Whether any response has told HubSpot's clock; else `now` is our clock less an hour."""
    ids: Sequence[str] = ()
    """The IDs of the rows, at hand without building the rows."""


class ThreadRef(NamedTuple):
    """A thread to read by ID."""

    id: str
    archived: bool = False
    """Whether to look for it among archived threads first."""
    always_emit: bool = False
    """Whether its record is emitted even if it is the last one that was emitted."""
    has_new_message: bool = False
    """Whether its messages are read even if its record has not changed."""


class Record(NamedTuple):
    """A row of a stream, to be emitted."""

    stream: str
    row: Row


class ReadMessages(NamedTuple):
    """A thread whose messages belong here; `Messages` replaces it by their records."""

    thread: ThreadRef


class StateChange(NamedTuple):
    """A change of the state, applied when everything before it is written.

    Only the loop that writes applies it, before it asks for the next event. So the state never gets
    ahead of the output, however far reading is ahead.
    """

    apply: Callable[[], None]
    save_now: bool = False
    """Whether STATE is written at once, before the next record."""


Event: TypeAlias = Record | ReadMessages | StateChange

CHECKPOINT = StateChange(lambda: None)
"""A place where STATE may be written, such as the end of a page."""


@dataclass(frozen=True)
class Selection:
    """Which streams are selected, as far as that decides what is read."""

    threads: bool = True
    thread_index: bool = False
    messages: bool = False
    actors: bool = False
    reference_lists: tuple[ReferenceList, ...] = ()

    @classmethod
    def of(cls, names: Collection[str]) -> Selection:
        """Return the selection of these streams."""
        return cls(
            threads="threads" in names,
            thread_index="thread_index" in names,
            messages="messages" in names,
            actors="actors" in names,
            reference_lists=tuple(each for each in REFERENCE_LISTS if each.name in names),
        )

    @property
    def follows_threads(self) -> bool:
        """Whether a stream is selected for which threads are read."""
        return self.threads or self.messages or self.actors
