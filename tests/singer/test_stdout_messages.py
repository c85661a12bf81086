"""Messages: one line each, and when they are flushed."""

from __future__ import annotations

import io
import json
import time
from contextlib import redirect_stdout
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib import RecordMessage, SchemaMessage, StateMessage

from tap_hubspot_threads.singer.stdout import MessageWriter

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message

AT = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


class FlushLog(io.StringIO):
    """A text stream that records its number of lines at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[int] = []

    def flush(self) -> None:
        """Record the number of lines."""
        self.flushed.append(len(self.getvalue().splitlines()))


def write(*messages: Message) -> FlushLog:
    """Write messages; return the output."""
    writer = MessageWriter()
    with redirect_stdout(FlushLog()) as out:
        for message in messages:
            writer.write_message(message)
    return out


def record(**columns: Any) -> RecordMessage:
    """Return a RECORD message."""
    return RecordMessage(stream="threads", record=columns, time_extracted=AT)


def test_one_line_each() -> None:
    """Each message is one line of JSON, even if its text has line separators."""
    out = write(record(id="1", status="a\nb\u2028c"), StateMessage(value={"a": 1}))
    first, second = out.getvalue().split("\n")[:-1]
    assert json.loads(first)["record"] == {"id": "1", "status": "a\nb\u2028c"}
    assert json.loads(second) == {"type": "STATE", "value": {"a": 1}}


def test_time() -> None:
    """`time_extracted` is in ISO 8601 with a time zone."""
    assert json.loads(write(record(id="1")).getvalue())["time_extracted"] == AT.isoformat()


def test_time_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows within a millisecond share a time; a later or earlier row has its own."""
    clock = [AT.timestamp()]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    writer = MessageWriter()
    with redirect_stdout(FlushLog()) as out:
        for offset in (0, 0.0005, 0.0015, 0.25, -3600):
            clock[0] = AT.timestamp() + offset
            writer.write_record("threads", {"id": "1"})
    times = [json.loads(line)["time_extracted"][11:] for line in out.getvalue().splitlines()]
    assert times == [
        "12:00:00+00:00",
        "12:00:00+00:00",
        "12:00:00.001500+00:00",
        "12:00:00.250000+00:00",
        "11:00:00+00:00",
    ]


@pytest.mark.parametrize(
    "message", [StateMessage(value={}), SchemaMessage("threads", {"properties": {}})], ids=type
)
def test_state_and_schema_are_flushed(message: Message) -> None:
    """A STATE or SCHEMA is flushed with all records before it; records alone are not flushed."""
    assert write(record(id="1"), record(id="2")).flushed == []
    assert write(record(id="1"), record(id="2"), message).flushed == [3]
