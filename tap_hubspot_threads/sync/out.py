"""What a sync yields: a row that goes out, and what is to be done when it is out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.contract import Row
    from tap_hubspot_threads.sync.read import Read


class ThreadId(NamedTuple):
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
    messages_of: ThreadId | None = None
    """The thread whose messages belong between the row and `then`; `Messages` puts them there."""


class Stage(Protocol):
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
