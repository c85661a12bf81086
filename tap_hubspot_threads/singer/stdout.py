"""Standard output without short writes: to files, slow pipes and non-blocking pipes."""

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
"""Characters to buffer before a write."""

CHUNK: int = getattr(select, "PIPE_BUF", 512)
"""Bytes per write: a pipe that polls as writable accepts this many without blocking (POSIX)."""

POLL = 0.1
"""Seconds between two calls of `check` while the pipe is full."""

PATIENCE = 5.0
"""Seconds without progress after which a stopped sync gives up writing. A target that still reads,
however slowly, gets the whole output."""


def as_output(stream: TextIO) -> TextIO | Output:
    """Return an `Output` for the process's standard output, or any other stream unchanged.

    So a caller that redirects `sys.stdout` gets the text there. Windows, which has no `poll`, has
    no non-blocking pipes either.
    """
    is_ours = stream is sys.__stdout__ and hasattr(select, "poll")
    return Output(stream.fileno()) if is_ours else stream


class Output(io.TextIOBase):
    """A buffered text stream for a file descriptor, independent of Python's own buffering.

    With `PYTHONUNBUFFERED` or `-u`, Python's standard output neither completes a short write nor
    waits for a non-blocking pipe.

    Guarantees:
        * All text is written completely and in order. Short writes are completed, and a full pipe
          is waited for, blocking or not.
        * After a failed write, nothing more is written, and every further `flush` raises the same
          error. So only the last line can be cut.
        * A signal is detected while the pipe is full, see `PATIENCE`.
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
        """Raises `Stopped` after a signal. The tap replaces it by `Stop.check`."""

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
        """Write the buffered text.

        Raises:
            OutputError: if a write fails.
            Stopped: if a signal arrived and the pipe has been full for `PATIENCE`.
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
        """Drop the buffered text and leave the descriptor open."""

    def _write(self, chunk: memoryview) -> int:
        """Wait until the descriptor is writable, write, and return the number of written bytes."""
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
        except BlockingIOError:  # a socket can poll as writable and still have too little space
            time.sleep(POLL / 10)
            return 0


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encode = json.JSONEncoder(separators=(",", ":"), default=_as_text).encode

SAME_TIME = 0.001
"""Seconds in which records share one `time_extracted`: formatting it takes 25% of the encoding."""


class MessageWriter(SingerWriter):
    """Buffers RECORD messages, and flushes stdout after every other message.

    The SDK's writer creates an encoder for each record and flushes each record. A STATE still comes
    after all records that it covers, and the tap flushes before it waits for HubSpot.
    """

    _seconds, _time = 0.0, ""
    """The last `time_extracted`, in seconds and as text."""

    def write_record(self, stream: str, row: Record) -> None:
        """Write a RECORD message without the SDK's object, which would double the cost."""
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
