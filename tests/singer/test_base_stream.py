"""A stream's way out, and what would break if a private part of the SDK were left to the SDK."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from singer_sdk import Stream
from singer_sdk.helpers._catalog import pop_deselected_record_properties

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.singer.base_stream import SCHEMAS, HubSpotStream
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import Output, select

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = dict.fromkeys(SCHEMAS.get_schema("threads")["properties"]) | {"id": "17", "status": "OPEN"}
FLAT: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1}


def written(*rows: dict[str, Any], stream: str = "threads", **options: Any) -> Output:
    """Write rows to a stream of a tap."""
    catalog = options.pop("catalog", None)
    tap = TapHubSpotThreads(config={"access_token": "x", **options}, catalog=catalog)
    found = tap.streams[stream]
    assert isinstance(found, HubSpotStream)
    with redirect_stdout(io.StringIO()) as out:
        found.write_schema()
        for row in rows:
            found.write(row)
    return Output(out.getvalue())


def without(*columns: str) -> dict[str, Any]:
    """Make a catalog in which these columns of `threads` are not selected."""
    catalog = select("threads")
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] and entry["stream"] == "threads":
                meta["metadata"]["selected"] = meta["breadcrumb"][-1] not in columns
    return catalog


@pytest.fixture
def with_the_sdks_own(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Leave a method of our streams to the SDK."""
    return lambda name: monkeypatch.setattr(HubSpotStream, name, getattr(Stream, name))


def test_schema_and_rows() -> None:
    """A row goes out as it is, behind its stream's SCHEMA."""
    output = written(ROW)
    assert [message["type"] for message in output.messages] == ["SCHEMA", "RECORD"]
    assert output.messages[0]["schema"]["properties"].keys() == ROW.keys()
    assert output.records() == [ROW]


def test_row_is_left_as_it_was() -> None:
    """Where columns are not selected, what a sync goes on with still has them."""
    row = {**ROW, "threadAssociations": {"associatedTicketId": "5"}}
    before = deepcopy(row)
    (record,) = written(row, catalog=without("status", "associatedTicketId")).records()
    assert "status" not in record
    assert row == before


def test_index_takes_what_it_has_columns_for() -> None:
    """An entry of the index is a thread's row, less what is no column of the index."""
    (record,) = written(ROW, stream="thread_index", catalog=select("thread_index")).records(
        "thread_index"
    )
    assert record.keys() == SCHEMAS.get_schema("thread_index")["properties"].keys()


@pytest.mark.parametrize("settings", [{}, FLAT], ids=["whole", "flattened"])
def test_every_column_in_every_record(settings: dict[str, Any]) -> None:
    """A record has every column of its SCHEMA, in that order; null where there is nothing."""
    output = written(ROW, **settings)
    columns = list(output.messages[0]["schema"]["properties"])
    assert [list(record) for record in output.records()] == [columns]


def test_sdks_own_leaves_out_flattened_columns(with_the_sdks_own: Callable[[str], None]) -> None:
    """Why `_generate_record_messages`: by the SDK's own, flattened, a column is missing."""
    with_the_sdks_own("_generate_record_messages")
    output = written(ROW, **FLAT)
    missing = output.messages[0]["schema"]["properties"].keys() - output.records()[0].keys()
    assert missing == {"threadAssociations__associatedTicketId"}


MAPS: dict[str, Any] = {"stream_maps": {"threads": {"half": "float(status)"}}}


def test_map_that_fails() -> None:
    """A stream map that fails for a row is a setting to mend; the message has no value of it."""
    with pytest.raises(SettingsError, match=r"^stream_maps: ") as raised:
        written({**ROW, "status": "customer's own"}, **MAPS)
    assert "customer" not in str(raised.value)


def test_sdks_own_tells_no_setting(with_the_sdks_own: Callable[[str], None]) -> None:
    """Why `_generate_record_messages`: by the SDK's own, the error names no setting."""
    with_the_sdks_own("_generate_record_messages")
    with pytest.raises(Exception, match="float") as raised:
        written(ROW, **MAPS)
    assert not isinstance(raised.value, SettingsError)


class Work:
    """How often the SDK looks for columns to leave out of a record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        name = "singer_sdk.streams.core.pop_deselected_record_properties"
        monkeypatch.setattr(name, self._count)

    def _count(self, *args: Any, **options: Any) -> None:
        self.count += 1
        pop_deselected_record_properties(*args, **options)


def test_no_look_at_columns_that_are_all_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns to leave out are looked for only where there are some."""
    work = Work(monkeypatch)
    written(ROW, ROW)
    assert work.count == 0
    written(ROW, ROW, catalog=without("status"))
    assert work.count == 2


def test_sdks_own_looks_at_each_record(
    monkeypatch: pytest.MonkeyPatch, with_the_sdks_own: Callable[[str], None]
) -> None:
    """Why `_generate_record_messages`: the SDK's own looks at each record, whatever is selected."""
    work = Work(monkeypatch)
    monkeypatch.setattr(HubSpotStream, "_bypasses_mapper", False)
    with_the_sdks_own("_generate_record_messages")
    written(ROW, ROW)
    assert work.count == 2


def test_as_the_sdk_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for which the SDK has nothing to do goes out as the SDK would write it, but cheaper."""
    row = {**ROW, "status": "a\nü\u2028", "otherProperties": {"a": [1, None, True]}}
    with time_machine.travel("2026-11-20T12:00:00.123456Z", tick=False):
        own = written(row).text
        monkeypatch.setattr(HubSpotStream, "_bypasses_mapper", False)
        assert written(row).text == own


def test_sdk_takes_columns_out_of_the_very_row() -> None:
    """Why `write` copies: the SDK's `_write_record_message` changes what it is given."""
    tap = TapHubSpotThreads(config={"access_token": "x"}, catalog=without("status"))
    row = dict(ROW)
    with redirect_stdout(io.StringIO()):
        tap.streams["threads"]._write_record_message(row)  # noqa: SLF001 - what it is about
    assert "status" not in row


def test_sdk_writes_a_row_in_its_own_sync_only() -> None:
    """Why private methods write: the SDK's public `sync` wants each stream to read for itself."""
    tap = TapHubSpotThreads(config={"access_token": "x"})
    with redirect_stdout(io.StringIO()), pytest.raises(NotImplementedError, match="sync_all"):
        tap.streams["threads"].sync()
