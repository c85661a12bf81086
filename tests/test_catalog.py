"""What a catalog and the SDK's own settings make of the streams."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.streams.base import SCHEMAS
from tests.conftest import Life, open_lab, select

if TYPE_CHECKING:
    from tests.conftest import Lab


def only(*columns: str) -> dict[str, Any]:
    """Make a catalog in which only these columns of `threads` are selected."""
    catalog = select("threads")
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] and entry["stream"] == "threads":
                meta["metadata"]["selected"] = meta["breadcrumb"][1] in columns
    return catalog


def test_only_the_id(lab: Lab) -> None:
    """With only `id` selected, there is just that, and the replication key, as Singer has it."""
    output = lab.sync(only("id"))
    columns = ["id", "latestMessageTimestamp"]
    assert [list(record) for record in output.records()] == [columns] * len(lab.ids)
    (schema,) = output.of_type("SCHEMA")
    assert list(schema["schema"]["properties"]) == columns


def test_silent_changes_with_few_columns() -> None:
    """Syncs go by the whole thread, whatever is selected of it."""
    with open_lab() as lab:
        life = Life(lab)
        life.sync(only("status"))
        life.pass_time(hours=1)
        thread = next(t for t in lab.threads if not t.closed_at)
        thread.closed_at = life.now
        (record,) = life.sync(only("status")).records()
        assert (record["id"], record["status"]) == (str(thread.id), "CLOSED")


def test_part_of_a_column() -> None:
    """A part of a column that is not selected stays out, and open threads are not told anew."""
    catalog = only(*SCHEMAS.get_schema("threads")["properties"])
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"][-1:] in (["associatedTicketId"], ["spam"]):
                meta["metadata"]["selected"] = False
    with open_lab() as lab:
        life = Life(lab)
        assert not any(r["threadAssociations"] for r in life.sync(catalog).records())
        life.pass_time(hours=1)
        assert life.sync(catalog).ids == []


def test_key_cannot_be_deselected(lab: Lab) -> None:
    """The key comes even when it is not selected."""
    assert all("id" in record for record in lab.sync(only("status")).records())


def test_key_that_a_catalog_makes_optional(lab: Lab) -> None:
    """The key comes whatever a catalog that was written by hand says of it."""
    catalog = only("status")
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] == ["properties", "id"]:
                meta["metadata"] = {"inclusion": "available", "selected": False}
    assert [record["id"] for record in lab.sync(catalog).records()] == lab.ids


def test_nothing_selected(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Without a selected stream nothing is read, and a line says why."""
    assert lab.sync(select()).messages == []
    assert lab.calls() == []
    assert "No stream is selected" in caplog.text


def test_stream_map_of_all_streams(lab: Lab) -> None:
    """A map of all streams works, although not all are selected."""
    output = lab.sync(stream_maps={"*": {"account": "'one'"}})
    assert {record["account"] for record in output.records()} == {"one"}


def test_stream_map_that_renames_filters_and_hashes(lab: Lab) -> None:
    """A stream map renames the stream and a column, leaves out rows, and hashes a value."""
    maps = {
        "threads": {
            "__alias__": "conversations",
            "__filter__": "status == 'OPEN'",
            "state": "status",
            "status": None,
            "associatedContactId": "md5(associatedContactId)",
        }
    }
    output = lab.sync(stream_maps=maps)
    records = output.records("conversations")
    wanted = [t for t in lab.threads if not t.closed_at]
    assert [record["id"] for record in records] == [str(t.id) for t in wanted]
    assert {record["state"] for record in records} == {"OPEN"}
    assert "status" not in records[0]
    hashed = [hashlib.md5(str(t.contact_id).encode()).hexdigest() for t in wanted]
    assert [record["associatedContactId"] for record in records] == hashed
    assert output.records() == []


def test_flattening(lab: Lab) -> None:
    """Flattened, an object's known keys are columns of their own, null where there is no object."""
    output = lab.sync(flattening_enabled=True, flattening_max_depth=1)
    (schema,) = output.of_type("SCHEMA", "threads")
    columns = list(schema["schema"]["properties"])
    assert all(list(record) == columns for record in output.records())
    tickets = {record["threadAssociations__associatedTicketId"] for record in output.records()}
    assert None in tickets
    assert tickets - {None} == {str(t.ticket_id) for t in lab.threads if t.ticket_id}


@pytest.mark.parametrize("level", [0, 9])
def test_threads_without_catalog_metadata(lab: Lab, level: int) -> None:
    """A catalog that was written by hand, without metadata, works too."""
    catalog = {"streams": json.loads(json.dumps(select("threads")["streams"]))}
    for entry in catalog["streams"][:level]:
        entry.pop("metadata")
    assert lab.sync(catalog).ids == lab.ids
