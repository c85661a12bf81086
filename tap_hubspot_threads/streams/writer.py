"""How messages are written to stdout."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from singer_sdk.io_base import SingerWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_hubspot_threads.values import make_encode

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import Message


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encode = make_encode(json.JSONEncoder(separators=(",", ":"), default=_as_text))

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
