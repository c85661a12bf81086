"""Standard output, written whole: to files, slow pipes and pipes that do not block."""

from __future__ import annotations

import io
import json
import os
import select
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TextIO

from singer_sdk.io_base import SingerWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_hubspot_threads.errors import OutputError
from tap_hubspot_threads.signals import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import Message


BUFFER = 65_536
"""Characters that are collected before they are written."""

CHUNK: int = getattr(select, "PIPE_BUF", 512)
"""Bytes per write: a pipe that polls as writable takes that many without blocking (POSIX)."""

POLL = 0.1
"""Seconds between two calls of `check` while nothing can be written."""

PATIENCE = 5.0
"""Seconds without a written byte after which a sync that is to stop gives up writing. A target that
reads, however slowly, gets everything."""


def written_whole(stream: TextIO) -> TextIO | Output:
    """Return an `Output` for Python's standard output, and any other stream as it is.

    A caller that has redirected stdout within Python gets the output there. A system without
    `poll` (Windows) has no pipes that do not block.
    """
    is_ours = stream is sys.__stdout__ and hasattr(select, "poll")
    return Output(stream.fileno()) if is_ours else stream


class Output(io.TextIOBase):
    """Text for a file descriptor, buffered here, so that no flag of the interpreter matters.

    Python's own standard output is unbuffered with `PYTHONUNBUFFERED` or `-u`, and then neither
    repeats a short write nor waits for a pipe that does not block.

    Guarantees:
        * Everything is written whole and in order: short writes are continued, and a full pipe is
          waited for, whether it blocks or not.
        * Once writing has failed, nothing more is written, and every further call but `close`
          fails likewise. A line that was cut is therefore the last one.
        * A signal is noticed while the pipe is full, see `PATIENCE`.

    Args:
        descriptor: The file descriptor.
        patience: See `PATIENCE`.
    """

    encoding = "utf-8"

    def __init__(self, descriptor: int, *, patience: float = PATIENCE) -> None:
        self._descriptor, self._patience = descriptor, patience
        self._parts: list[str] = []
        self._size = 0
        self._failure: Exception | Stopped | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.check: Callable[[], None] = lambda: None
        """Raises `Stopped` if the sync is to stop; replaced by whatever handles signals."""

    @override
    def fileno(self) -> int:
        return self._descriptor

    @override
    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            message = "not text"  # type: ignore[unreachable] # click tries bytes
            raise TypeError(message)
        self._parts.append(text)
        self._size += len(text)
        if self._size >= BUFFER:
            self.flush()
        return len(text)

    @override
    def flush(self) -> None:
        """Write what is buffered.

        Raises:
            OutputError: if it cannot be written.
            Stopped: if the sync is to stop and nothing was read for `PATIENCE`.
        """
        rest = memoryview("".join(self._parts).encode("utf-8", "backslashreplace"))
        self._parts.clear()
        self._size = 0
        try:
            while rest and not self._failure:
                rest = rest[self._write(rest[:CHUNK]) :]
        except (OSError, Stopped) as error:
            self._failure = OutputError(error) if isinstance(error, OSError) else error
        if self._failure:
            raise self._failure

    @override
    def close(self) -> None:
        """Leave the descriptor open; what is not flushed is dropped."""

    def _write(self, chunk: memoryview) -> int:
        """Wait until something can be written; return how many bytes were."""
        waited = 0.0
        while not self._poll.poll(POLL * 1000):
            try:
                self.check()
            except Stopped:
                waited += POLL
                if waited >= self._patience:
                    raise
        try:
            return os.write(self._descriptor, chunk)
        except BlockingIOError:  # a socket may poll as writable and still have too little room
            time.sleep(POLL / 10)
            return 0


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encode = json.JSONEncoder(separators=(",", ":"), default=_as_text).encode

SAME_TIME = 0.001
"""Seconds in which rows have the same time: writing it out costs a quarter of encoding the row."""


class MessageWriter(SingerWriter):
    """Writes a record to the buffer of stdout, and flushes that with any other message.

    The SDK's own writer makes a new encoder for each record, and flushes each. A STATE still comes
    after all records that it covers, and nothing stays in the buffer while HubSpot is waited for.
    """

    _seconds, _time = 0.0, ""
    """The last time that was written out, and how."""

    def write_record(self, stream: str, row: Record) -> None:
        """Write a RECORD message as it would be of the SDK's object, which costs as much again."""
        now = time.time()
        if not 0 <= now - self._seconds < SAME_TIME:
            self._seconds = now
            self._time = datetime.fromtimestamp(now, timezone.utc).isoformat()
        sys.stdout.write(
            f'{{"type":"RECORD","stream":"{stream}","record":{_encode(row)},'
            f'"time_extracted":"{self._time}"}}\n'
        )

    @override
    def serialize_message(self, message: Message) -> str:
        if not isinstance(message, RecordMessage):
            return super().serialize_message(message)
        return _encode(message.to_dict())

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.write(self.format_message(message) + "\n")
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()
