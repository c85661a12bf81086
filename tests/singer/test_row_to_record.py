"""Writing the records of a stream, and why it overrides private methods of the SDK."""

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
from tap_hubspot_threads.singer.row_to_record import SCHEMAS, HubSpotStream
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import Output, select

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = dict.fromkeys(SCHEMAS.get_schema("threads")["properties"]) | {"id": "17", "status": "OPEN"}
FLAT: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1}


def write_rows(*rows: dict[str, Any], stream: str = "threads", **options: Any) -> Output:
    """Write rows to a stream of a tap; return the output."""
    catalog = options.pop("catalog", None)
    tap = TapHubSpotThreads(config={"access_token": "x", **options}, catalog=catalog)
    target = tap.streams[stream]
    assert isinstance(target, HubSpotStream)
    with redirect_stdout(io.StringIO()) as out:
        target.write_schema()
        for row in rows:
            target.write(row)
    return Output(out.getvalue())


def deselect(*columns: str) -> dict[str, Any]:
    """Return a catalog that deselects these columns of `threads`."""
    catalog = select("threads")
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] and entry["stream"] == "threads":
                meta["metadata"]["selected"] = meta["breadcrumb"][-1] not in columns
    return catalog


@pytest.fixture
def restore_sdk_method(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that restores a method of the SDK that our streams override."""
    return lambda name: monkeypatch.setattr(HubSpotStream, name, getattr(Stream, name))


def test_schema_and_rows() -> None:
    """A row is emitted unchanged, after its stream's SCHEMA."""
    output = write_rows(ROW)
    assert [message["type"] for message in output.messages] == ["SCHEMA", "RECORD"]
    assert output.messages[0]["schema"]["properties"].keys() == ROW.keys()
    assert output.records() == [ROW]


def test_row_is_not_changed() -> None:
    """Deselected columns are removed from the record only, so the sync's row stays complete."""
    row = {**ROW, "threadAssociations": {"associatedTicketId": "5"}}
    before = deepcopy(row)
    (record,) = write_rows(row, catalog=deselect("status", "associatedTicketId")).records()
    assert "status" not in record
    assert row == before


def test_thread_index_columns() -> None:
    """A `thread_index` record is a thread's row, reduced to the columns of the index."""
    (record,) = write_rows(ROW, stream="thread_index", catalog=select("thread_index")).records(
        "thread_index"
    )
    assert record.keys() == SCHEMAS.get_schema("thread_index")["properties"].keys()


@pytest.mark.parametrize("settings", [{}, FLAT], ids=["nested", "flattened"])
def test_every_column_in_every_record(settings: dict[str, Any]) -> None:
    """A record has every column of its SCHEMA, in the same order, and null for missing values."""
    output = write_rows(ROW, **settings)
    columns = list(output.messages[0]["schema"]["properties"])
    assert [list(record) for record in output.records()] == [columns]


def test_sdk_omits_flattened_columns(restore_sdk_method: Callable[[str], None]) -> None:
    """Why `_generate_record_messages`: the SDK's method omits a flattened column."""
    restore_sdk_method("_generate_record_messages")
    output = write_rows(ROW, **FLAT)
    missing = output.messages[0]["schema"]["properties"].keys() - output.records()[0].keys()
    assert missing == {"threadAssociations__associatedTicketId"}


MAPS: dict[str, Any] = {"stream_maps": {"threads": {"half": "float(status)"}}}


def test_failing_stream_map() -> None:
    """The error for a stream map that fails names the setting and contains no value of the row."""
    with pytest.raises(SettingsError, match=r"^stream_maps: ") as raised:
        write_rows({**ROW, "status": "customer's own"}, **MAPS)
    assert "customer" not in str(raised.value)


def test_sdk_error_names_no_setting(restore_sdk_method: Callable[[str], None]) -> None:
    """Why `_generate_record_messages`: the SDK's error does not name the setting."""
    restore_sdk_method("_generate_record_messages")
    with pytest.raises(Exception, match="float") as raised:
        write_rows(ROW, **MAPS)
    assert not isinstance(raised.value, SettingsError)


class SearchCount:
    """Counts how often the SDK searches a record for deselected columns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        name = "singer_sdk.streams.core.pop_deselected_record_properties"
        monkeypatch.setattr(name, self._count)

    def _count(self, *args: Any, **options: Any) -> None:
        self.count += 1
        pop_deselected_record_properties(*args, **options)


def test_no_search_if_every_column_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are searched for deselected columns only if a column is deselected."""
    searches = SearchCount(monkeypatch)
    write_rows(ROW, ROW)
    assert searches.count == 0
    write_rows(ROW, ROW, catalog=deselect("status"))
    assert searches.count == 2


def test_sdk_searches_each_record(
    monkeypatch: pytest.MonkeyPatch, restore_sdk_method: Callable[[str], None]
) -> None:
    """Why `_generate_record_messages`: the SDK's method searches each record in any case."""
    searches = SearchCount(monkeypatch)
    monkeypatch.setattr(HubSpotStream, "_bypasses_mapper", False)
    restore_sdk_method("_generate_record_messages")
    write_rows(ROW, ROW)
    assert searches.count == 2


def test_same_text_as_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that the SDK would not change is written with the same text, but faster."""
    row = {**ROW, "status": "a\nü\u2028", "otherProperties": {"a": [1, None, True]}}
    with time_machine.travel("2026-11-20T12:00:00.123456Z", tick=False):
        own = write_rows(row).text
        monkeypatch.setattr(HubSpotStream, "_bypasses_mapper", False)
        assert write_rows(row).text == own


def test_sdk_changes_the_row() -> None:
    """Why `write` copies: the SDK's `_write_record_message` removes columns from the given row."""
    tap = TapHubSpotThreads(config={"access_token": "x"}, catalog=deselect("status"))
    row = dict(ROW)
    with redirect_stdout(io.StringIO()):
        tap.streams["threads"]._write_record_message(row)  # noqa: SLF001 - the subject of the test
    assert "status" not in row


def test_sdk_has_no_public_method_that_writes_a_row() -> None:
    """Why `write` uses private methods: the SDK's `sync` lets each stream read for itself."""
    tap = TapHubSpotThreads(config={"access_token": "x"})
    with redirect_stdout(io.StringIO()), pytest.raises(NotImplementedError, match="sync_all"):
        tap.streams["threads"].sync()
