"""How messages are written: a line each, and flushed when nothing may be held back."""

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


class Out(io.StringIO):
    """Notes what was there at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[int] = []

    def flush(self) -> None:
        """Note it."""
        self.flushed.append(len(self.getvalue().splitlines()))


def write(*messages: Message) -> Out:
    """Write messages."""
    writer = MessageWriter()
    with redirect_stdout(Out()) as out:
        for message in messages:
            writer.write_message(message)
    return out


def record(**columns: Any) -> RecordMessage:
    """Make a RECORD."""
    return RecordMessage(stream="threads", record=columns, time_extracted=AT)


def test_a_line_each() -> None:
    """Each message is one line of JSON, whatever is in it."""
    out = write(record(id="1", status="a\nb\u2028c"), StateMessage(value={"a": 1}))
    first, second = out.getvalue().split("\n")[:-1]
    assert json.loads(first)["record"] == {"id": "1", "status": "a\nb\u2028c"}
    assert json.loads(second) == {"type": "STATE", "value": {"a": 1}}


def test_time() -> None:
    """The time at which a row was read is in ISO 8601, with its zone."""
    assert json.loads(write(record(id="1")).getvalue())["time_extracted"] == AT.isoformat()


def test_time_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows within a millisecond have the same time; one that is later, or earlier, has its own."""
    clock = [AT.timestamp()]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    writer = MessageWriter()
    with redirect_stdout(Out()) as out:
        for later in (0, 0.0005, 0.0015, 0.25, -3600):
            clock[0] = AT.timestamp() + later
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
def test_flushed_behind_what_is_no_record(message: Message) -> None:
    """A STATE takes all rows before it along; rows alone wait for it."""
    assert write(record(id="1"), record(id="2")).flushed == []
    assert write(record(id="1"), record(id="2"), message).flushed == [3]
