"""Writes all text to standard output, even through a slow or non-blocking pipe."""

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
from singer_sdk.singerlib import RecordMessage, StateMessage
from typing_extensions import override

from tap_hubspot_threads.errors import OutputError
from tap_hubspot_threads.signals import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import Message


BUFFER = 65_536
"""`Output` writes its buffered text when the text has this many characters or more."""

CHUNK: int = getattr(select, "PIPE_BUF", 512)
"""Maximum bytes per write. If `poll` reports that a pipe is writable, the pipe accepts this many
bytes without blocking (POSIX)."""

POLL = 0.1
"""Seconds between two calls of `Output.check` while the pipe is full."""

STOP_TIMEOUT = 5.0
"""After a signal, `Output` stops writing if the pipe accepts no data for this many seconds. A
target that keeps reading, even slowly, still gets everything up to the final STATE message."""


def as_output(stream: TextIO) -> TextIO | Output:
    """Return an `Output` for the process's own standard output; return other streams unchanged.

    If a caller, such as a test, has redirected `sys.stdout`, the stream belongs to the caller. On
    Windows, every stream is returned unchanged, because Windows has no `poll` and no non-blocking
    pipes.
    """
    is_ours = stream is sys.__stdout__ and hasattr(select, "poll")
    return Output(stream.fileno()) if is_ours else stream


class Output(io.TextIOBase):
    """A buffered text stream for a file descriptor. It replaces Python's own stream for stdout.

    Python's own stream can lose text. With `PYTHONUNBUFFERED` or `-u`, it loses the rest of the
    text if the operating system accepts only a part. Python's stream also does not wait until a
    non-blocking pipe accepts data.

    Guarantees:
        * All text is written completely and in order. `Output` writes the rest after a partial
          write, and waits while a pipe is full.
        * After a failed write, nothing more is written, and every `flush` raises the same error.
          Therefore every line except the last is complete.
        * A signal is detected even while the pipe is full; see `STOP_TIMEOUT`.
    """

    encoding = "utf-8"

    def __init__(self, descriptor: int, *, stop_timeout: float = STOP_TIMEOUT) -> None:
        self._descriptor, self._stop_timeout = descriptor, stop_timeout
        self._parts: list[str] = []
        self._size = 0
        self._failure: Exception | Stopped | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.check: Callable[[], None] = lambda: None
        """Called while the pipe is full. The tap sets this attribute to `Stop.check`, which raises
        `Stopped` if a signal has arrived."""

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
            message = "not text"  # type: ignore[unreachable] # click tests streams with bytes
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
            Stopped: if the pipe accepts no data for `STOP_TIMEOUT` seconds after a signal.
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
        """Do nothing: the buffered text is not written, and the descriptor stays open."""

    def _write(self, chunk: memoryview) -> int:
        """Wait until the descriptor is writable, and write a chunk or its first bytes.

        Return the number of bytes written.
        """
        waited = 0.0
        while not self._poll.poll(POLL * 1000):
            try:
                self.check()
            except Stopped:
                waited += POLL
                if waited >= self._stop_timeout:
                    raise
        try:
            return os.write(self._descriptor, chunk)
        except BlockingIOError:  # a socket can poll as writable although it has too little space
            time.sleep(POLL / 10)
            return 0


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_as_text)
_encode = _ENCODER.encode

TIME_RESOLUTION = 0.001
"""Records that are written within this many seconds share one `time_extracted`. A new time for each
record would take 25% of the encoding time."""


class MessageWriter(SingerWriter):
    """Writes messages to stdout in order, and flushes stdout after each SCHEMA and STATE message.

    A RECORD message may stay in the buffer until the next flush. The tap also flushes stdout while
    it waits for HubSpot (`App._while_waiting`).

    The SDK's writer is slower. For each record, the SDK creates a JSON encoder and flushes stdout.
    """

    _seconds, _time = 0.0, ""
    """The latest `time_extracted`: in seconds since 1970, and as text."""

    def write_record(self, stream: str, row: Record) -> None:
        """Write a RECORD message. With the SDK's `RecordMessage`, this would take twice as long."""
        now = time.time()
        if not 0 <= now - self._seconds < TIME_RESOLUTION:
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
        """Write a message. To save memory, a STATE message is encoded in parts."""
        if isinstance(message, StateMessage):
            sys.stdout.writelines(_ENCODER.iterencode(message.to_dict()))
        else:
            sys.stdout.write(self.format_message(message))
        sys.stdout.write("\n")
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()
