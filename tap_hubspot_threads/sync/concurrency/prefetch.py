"""Pages that are read ahead, bounded in bytes."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Page

PREFETCH_BYTES = 4_000_000
"""Bytes of pages that are read in advance: a target that stops to load a batch of its own must not
stop the reading."""

PARSED_BYTES = PREFETCH_BYTES // 4
"""Bytes of pages that are kept as they were parsed, which takes five times as much: whoever takes
pages as they come need not have them parsed twice. What waits behind these shrinks."""


class ByteBudget:
    """The room that several buffers share."""

    def __init__(self) -> None:
        self.bytes = 0
        self.is_closed = False
        self.changed = threading.Condition()

    def close(self) -> None:
        """Have nothing more read into any of them."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()


class Buffer:
    """The pages of one source.

    Guarantees:
        * No page is begun while `PREFETCH_BYTES` bytes wait in the room, but for the first of a
          source whose turn it is and of which none is there: whoever takes in turn never waits.
        * What the source raises comes at its place behind the pages.

    Args:
        room: What this one shares with others.
        source: The pages; gone through by `fill` only.
    """

    def __init__(self, room: ByteBudget, source: Iterator[Page]) -> None:
        self._room, self._source = room, source
        self._pages: deque[Page] = deque()
        self._error: BaseException | None = None
        self._is_turn = self._is_closed = False
        self.is_ended = False
        """Whether all of it is here, and what ended it."""

    def fill(self) -> None:
        """Read the source, as there is room; never raises."""
        error: BaseException | None = None
        try:
            while self._wait_for_room():
                page = next(self._source, None)
                if page is None:
                    break
                with self._room.changed:
                    if self._is_closed:
                        break  # nobody takes it, so it would hold its room for ever
                    self._room.bytes += page.size
                    if self._room.bytes > PARSED_BYTES:
                        page.shrink()
                    self._pages.append(page)
                    self._room.changed.notify_all()
        except BaseException as raised:  # noqa: BLE001 - handed over to whoever takes the pages
            error = raised
        with self._room.changed:
            self._error, self.is_ended = error, True
            self._room.changed.notify_all()

    def make_current(self) -> None:
        """Let it go on, whatever waits in the others."""
        with self._room.changed:
            self._is_turn = True
            self._room.changed.notify_all()

    def is_ready(self, timeout: float) -> bool:
        """Wait so many seconds at the most for something to take; tell whether there is."""
        with self._room.changed:
            return self._room.changed.wait_for(lambda: bool(self._pages) or self.is_ended, timeout)

    def take(self) -> Page | None:
        """Return the next page; None at the end.

        Raises:
            Whatever ended the pages.
        """
        with self._room.changed:
            if self._pages:
                page = self._pages.popleft()
                self._room.bytes -= page.size
                self._room.changed.notify_all()
                return page
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Have nothing more read into it, and give back its room."""
        with self._room.changed:
            self._is_closed = True
            self._room.bytes -= sum(page.size for page in self._pages)
            self._pages.clear()
            self._room.changed.notify_all()

    def _wait_for_room(self) -> bool:
        """Wait until a page may be begun; tell whether it is to be."""
        room = self._room

        def may_go_on() -> bool:
            is_waited_for = self._is_turn and not self._pages
            return room.is_closed or self._is_closed or room.bytes < PREFETCH_BYTES or is_waited_for

        with room.changed:
            room.changed.wait_for(may_go_on)
            return not (room.is_closed or self._is_closed)
