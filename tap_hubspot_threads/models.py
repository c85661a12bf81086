"""What `hubspot` and `sync` share, so that neither needs the other: the methods, a page, a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from tap_hubspot_threads.sync.stats import Read


Row: TypeAlias = dict[str, Any]
"""A thing as it goes out: the columns of its stream's schema, cleaned."""


@dataclass(frozen=True)
class ReferenceList:
    """A stream that is listed as a whole in each sync."""

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

MAX_ACTORS = 100
"""Actors that are asked for at once. HubSpot documents no maximum; it is what clients send."""


@dataclass(frozen=True)
class Page:
    """A page of a listing: cleaned rows, and the cursor of the page behind it, if there is one."""

    rows: Collection[Row]
    """Made anew each time that they are gone through: what is read in advance is kept as bytes."""
    cursor: str | None
    """Decoded; None behind the last page only."""
    now: str
    """HubSpot's clock when it answered, as a cleaned time."""
    size: int = 0
    """Bytes that it takes as it came."""
    seconds: float = 0
    """What it took to come."""
    shrink: Callable[[], None] = lambda: None
    """Has it take no more than `size`: what was parsed of it takes five times as much."""
    is_dated: bool = True
    """Whether HubSpot's clock is known by any response; else `now` is our clock less an hour."""
    ids: Sequence[str] = ()
    """The IDs of the rows, at hand without making the rows."""


class HubSpot(Protocol):
    """The account, as a sync sees it. Each method may wait, for the limit and for HubSpot.

    Each raises `TransientError` if the last of its tries failed in a passing way, `RefusedError` if
    HubSpot refuses the request, and another `HubSpotError` for what ends the sync.
    """

    @property
    def quota_share(self) -> float | None:
        """What is left of the account's calls of the day, from 0 to 1; None where not known."""

    def account_number(self) -> int | None:
        """Return the number of the account; None where HubSpot does not say.

        Raises:
            HubSpotError: only if the token is not accepted or the day's calls are spent.
        """

    def thread(self, thread_id: str, *, archived: bool, once: bool = False) -> Row:
        """Return a thread that is, or is not, archived.

        Args:
            thread_id: The thread.
            archived: On which side to look.
            once: Whether it is tried once only.

        Raises:
            MissingError: if HubSpot has none on that side.
        """

    def page_by_id(self, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of all threads, in the order of their ids; of a cursor, or the first."""

    def page_of_open(self, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of the threads that are open, as HubSpot's filter has it; tried once.

        Whether that filters at all is unknown: there may be all threads, or none.
        """

    def page_by_time(self, since: str, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of the threads whose latest message is not before a moment, oldest first.

        Args:
            since: A cleaned time. The filter is inclusive (observed).
            cursor: Of such a page from the same moment, for the one behind it.
            archived: Whether to list archived threads rather than live ones.
        """

    def page_of_messages(
        self, thread_id: str, cursor: str | None, *, archived: bool = False, once: bool = False
    ) -> Page:
        """Return a page of a thread's messages, oldest first; of a cursor, or the first.

        What comes while one pages is at the end.

        Args:
            thread_id: The thread.
            cursor: Of such a page, for the one after it.
            archived: Whether to ask for what HubSpot has archived.
            once: Whether it is tried once only.

        Raises:
            MissingError: if HubSpot has no such thread, or does not show its messages.
        """

    def original_content(self, thread_id: str, message_id: str) -> Row:
        """Return the columns of a message that HubSpot cut off, as they were: text, richText.

        Raises:
            MissingError: if HubSpot has no such message.
        """

    def actors(self, ids: Sequence[str], *, once: bool = False) -> list[Row]:
        """Return those actors of `MAX_ACTORS` at the most that HubSpot has. `once` as of `thread`.

        Raises:
            RefusedError: if HubSpot refuses them all for one.
        """

    def page_of(self, listed: ReferenceList, cursor: str | None, *, archived: bool) -> Page:
        """Return a page of a stream that is listed as a whole; of a cursor, or the first."""


class ThreadRef(NamedTuple):
    """A thread to read."""

    id: str
    archived: bool = False
    """Whether it is thought to be archived."""
    always: bool = False
    """Whether its row goes out even if it is known."""
    has_news: bool = False
    """Whether its messages are to be read even if its row is known."""


class Out(NamedTuple):
    """A row of a stream, and what changes when it and all before it are out.

    Only the loop that writes calls `first` and `then`, and it does before it asks for the next
    `Out`. So what is kept for the next sync is never ahead of what went out, however far reading
    is.
    """

    stream: str = ""
    """The stream's name."""
    row: Row | None = None
    """None: no row goes out here, which is where STATE may."""
    then: Callable[[], None] | None = None
    first: Callable[[], None] | None = None
    """What is to be done, and saved in a STATE, before the row goes out."""
    messages_of: ThreadRef | None = None
    """The thread whose messages belong between the row and `then`; `Messages` puts them there."""


class ChildStream(Protocol):
    """Puts what hangs on what goes out behind it.

    It may be ahead of what is out, but never between two calls: when it ends, nothing is under way.
    """

    def __call__(self, outs: Iterable[Out], /) -> Iterator[Out]:
        """Yield the same, in its order, and what hangs on it."""


class Sync(Protocol):
    """What one run of the tap reads."""

    read: Read
    """What it has read so far."""

    def run(self) -> Iterator[Out]:
        """Yield what goes out, in its order.

        Raises:
            HubSpotError: for what ends the sync early, or at the end for what could not be read.
        """

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:
        """Return the bookmarks, by stream, with a key for each thing; None: nothing new.

        Args:
            is_final: Whether no row goes out behind it.
        """


@dataclass(frozen=True)
class Selection:
    """Nobody pays a call for a stream that is not selected."""

    threads: bool = True
    thread_index: bool = False
    messages: bool = False
    actors: bool = False
    listed: tuple[ReferenceList, ...] = ()

    @classmethod
    def of(cls, names: Collection[str]) -> Selection:
        """Return what the names of streams say."""
        return cls(
            threads="threads" in names,
            thread_index="thread_index" in names,
            messages="messages" in names,
            actors="actors" in names,
            listed=tuple(listed for listed in REFERENCE_LISTS if listed.name in names),
        )

    @property
    def of_threads(self) -> bool:
        """Whether there is a stream that follows what happens to threads."""
        return self.threads or self.messages or self.actors
