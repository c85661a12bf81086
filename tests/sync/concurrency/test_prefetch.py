"""Buffers: pages in their order, so many bytes at the most, nobody waits for ever."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.concurrency.prefetch import (
    PARSED_BYTES,
    PREFETCH_BYTES,
    Buffer,
    ByteBudget,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 10


class Source:
    """Pages of a size; `begun` is how many were asked for, `turn` is released for each."""

    def __init__(self, *sizes: int, error: Exception | None = None) -> None:
        self._sizes, self._error = sizes, error
        self.turn = threading.Semaphore(0)
        self.begun = 0

    def __iter__(self) -> Iterator[Page]:
        """Yield them."""
        for number, size in enumerate(self._sizes):
            self.begun += 1
            self.turn.release()
            yield Page([], str(number), "", size)
        if self._error is not None:
            raise self._error

    def is_begun(self, count: int) -> bool:
        """Whether so many more pages are begun before long."""
        return all(self.turn.acquire(timeout=TIMEOUT) for _ in range(count))


def fill(buffer: Buffer) -> threading.Thread:
    """Fill a buffer on a thread of its own."""
    thread = threading.Thread(target=buffer.fill, daemon=True)
    thread.start()
    return thread


def fill_up(room: ByteBudget, size: int) -> Buffer:
    """Fill a room with one page, which waits in the buffer."""
    buffer = Buffer(room, iter(Source(size)))
    fill(buffer)
    assert buffer.is_ready(TIMEOUT)
    return buffer


def taken(buffer: Buffer) -> list[str | None]:
    """Take all pages; return their cursors."""
    cursors = []
    while buffer.is_ready(TIMEOUT) and (page := buffer.take()):
        cursors.append(page.cursor)
    return cursors


def test_in_their_order() -> None:
    """The pages come in their order, and then none, as often as one asks."""
    buffer = Buffer(ByteBudget(), iter(Source(1, 2, 3)))
    buffer.fill()
    assert buffer.is_ended
    assert taken(buffer) == ["0", "1", "2"]
    assert buffer.take() is None


def test_room_is_given_back() -> None:
    """What waits takes room, and what was taken does not."""
    room = ByteBudget()
    buffer = Buffer(room, iter(Source(10, 20)))
    buffer.fill()
    assert room.bytes == 30
    buffer.take()
    assert room.bytes == 20
    buffer.close()
    assert room.bytes == 0


def test_error_behind_the_pages() -> None:
    """What ends a source is raised behind its pages, and not where it is filled."""
    buffer = Buffer(ByteBudget(), iter(Source(1, error=LookupError("third"))))
    buffer.fill()
    assert buffer.take()
    with pytest.raises(LookupError, match="third"):
        buffer.take()


def test_nothing_ready() -> None:
    """Where nothing has come, nothing is ready, and that is told in time."""
    assert not Buffer(ByteBudget(), iter(Source(1))).is_ready(0)


def test_ready_at_the_end() -> None:
    """The end is something to take too."""
    buffer = Buffer(ByteBudget(), iter(Source()))
    buffer.fill()
    assert buffer.is_ready(0)


def test_waits_for_room() -> None:
    """While so many bytes wait, wherever, no page is begun; when they are taken, it goes on."""
    room = ByteBudget()
    first, source = fill_up(room, PREFETCH_BYTES), Source(1, 1)
    second = Buffer(room, iter(source))
    thread = fill(second)
    assert not second.is_ready(0.02)
    assert source.begun == 0
    first.take()
    thread.join(TIMEOUT)
    assert second.is_ended


def test_goes_on_when_its_turn_has_come() -> None:
    """A source whose turn it is goes on page by page, however full the room is."""
    room = ByteBudget()
    fill_up(room, 2 * PREFETCH_BYTES)
    source = Source(1, 1)
    buffer = Buffer(room, iter(source))
    fill(buffer)
    buffer.make_current()
    assert source.is_begun(1)
    assert buffer.is_ready(TIMEOUT)
    assert not source.turn.acquire(timeout=0.02)
    assert taken(buffer) == ["0", "1"]


def test_closed_while_it_waits() -> None:
    """A buffer that is closed begins no page any more, and whoever fills it is free."""
    room = ByteBudget()
    fill_up(room, PREFETCH_BYTES)
    source = Source(1)
    buffer = Buffer(room, iter(source))
    thread = fill(buffer)
    buffer.close()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert source.begun == 0


def test_closed_while_a_page_is_read() -> None:
    """A page that comes after its buffer was closed takes no room."""
    room, go_on, begun = ByteBudget(), threading.Event(), threading.Event()

    def pages() -> Iterator[Page]:
        begun.set()
        go_on.wait(TIMEOUT)
        yield Page([], None, "", 10)

    buffer = Buffer(room, pages())
    thread = fill(buffer)
    assert begun.wait(TIMEOUT)
    buffer.close()
    go_on.set()
    thread.join(TIMEOUT)
    assert room.bytes == 0


def test_closed_room() -> None:
    """When the room is closed, nothing is begun in any buffer, even one whose turn it is."""
    room = ByteBudget()
    room.close()
    for is_turn in (False, True):
        source = Source(1)
        buffer = Buffer(room, iter(source))
        if is_turn:
            buffer.make_current()
        buffer.fill()
        assert source.begun == 0
        assert taken(buffer) == []


def test_what_waits_behind_much_shrinks() -> None:
    """A page is kept parsed up to `PARSED_BYTES` that wait; further ones are kept as bytes."""
    shrunk: list[int] = []
    pages = [
        Page([], None, "", PARSED_BYTES // 2, shrink=partial(shrunk.append, number))
        for number in range(4)
    ]
    room = ByteBudget()
    buffer = Buffer(room, iter(pages))
    fill(buffer).join(TIMEOUT)
    assert shrunk == [2, 3]
