"""How catalogs, stream maps and flattening change the streams."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import Life, open_lab, select
from tests.targets.hostile import HostileAccount

if TYPE_CHECKING:
    from tests.conftest import Lab


def select_columns(*columns: str) -> dict[str, Any]:
    """Return a catalog that selects only these columns of `threads`."""
    catalog = select("threads")
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] and entry["stream"] == "threads":
                meta["metadata"]["selected"] = meta["breadcrumb"][1] in columns
    return catalog


def test_only_the_id(lab: Lab) -> None:
    """With only `id` selected, records have the primary key and the replication key."""
    output = lab.sync(select_columns("id"))
    columns = ["id", "latestMessageTimestamp"]
    assert [list(record) for record in output.records()] == [columns] * len(lab.ids)
    (schema,) = output.of_type("SCHEMA")
    assert list(schema["schema"]["properties"]) == columns


def test_silent_changes_with_few_columns() -> None:
    """Changes are detected on the whole thread, even in columns that are not selected."""
    with open_lab() as lab:
        life = Life(lab)
        life.sync(select_columns("status"))
        life.pass_time(hours=1)
        thread = next(t for t in lab.threads if not t.closed_at)
        thread.closed_at = life.now
        (record,) = life.sync(select_columns("status")).records()
        assert (record["id"], record["status"]) == (str(thread.id), "CLOSED")


def test_part_of_a_column() -> None:
    """A deselected part of a column is not emitted and does not make threads look changed."""
    catalog = select_columns(*SCHEMAS.get_schema("threads")["properties"])
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
    """The primary key is emitted even if it is not selected."""
    assert all("id" in record for record in lab.sync(select_columns("status")).records())


def test_key_that_a_catalog_makes_optional(lab: Lab) -> None:
    """The primary key is emitted even if a handwritten catalog makes it optional."""
    catalog = select_columns("status")
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] == ["properties", "id"]:
                meta["metadata"] = {"inclusion": "available", "selected": False}
    assert [record["id"] for record in lab.sync(catalog).records()] == lab.ids


def test_nothing_selected(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Without a selected stream nothing is read, and the log says why."""
    assert lab.sync(select()).messages == []
    assert lab.calls() == []
    assert "No stream is selected" in caplog.text


def test_stream_map_of_all_streams(lab: Lab) -> None:
    """A stream map for all streams works, even if some are not selected."""
    output = lab.sync(stream_maps={"*": {"account": "'one'"}})
    assert {record["account"] for record in output.records()} == {"one"}


def test_stream_map_that_renames_filters_and_hashes(lab: Lab) -> None:
    """A stream map can rename a stream and a column, filter rows, and hash a value."""
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
    expected = [t for t in lab.threads if not t.closed_at]
    assert [record["id"] for record in records] == [str(t.id) for t in expected]
    assert {record["state"] for record in records} == {"OPEN"}
    assert "status" not in records[0]
    hashed = [hashlib.md5(str(t.contact_id).encode()).hexdigest() for t in expected]
    assert [record["associatedContactId"] for record in records] == hashed
    assert output.records() == []


def test_flattening(lab: Lab) -> None:
    """Flattening makes a column of each known key of an object, null without the object."""
    output = lab.sync(flattening_enabled=True, flattening_max_depth=1)
    (schema,) = output.of_type("SCHEMA", "threads")
    columns = list(schema["schema"]["properties"])
    assert all(list(record) == columns for record in output.records())
    tickets = {record["threadAssociations__associatedTicketId"] for record in output.records()}
    assert None in tickets
    assert tickets - {None} == {str(t.ticket_id) for t in lab.threads if t.ticket_id}


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_flattening_loses_nothing(depth: int) -> None:
    """A record flattened to any depth has every value that HubSpot returned."""
    streams = ("threads", "messages", "actors", "inboxes", "channels", "channel_accounts")
    with open_lab(HostileAccount()) as lab:
        whole = lab.sync(select(*streams))
        flat = lab.sync(select(*streams), flattening_enabled=True, flattening_max_depth=depth)
    assert len(flat.records("messages")) > 10
    for stream in streams:
        for row, found in zip(whole.records(stream), flat.records(stream), strict=True):
            expected: dict[str, Any] = {}
            for name, value in row.items():
                fields = SCHEMAS.get_schema(stream)["properties"][name].get("properties")
                if fields:
                    expected |= {f"{name}__{key}": (value or {}).get(key) for key in fields}
                else:
                    expected[name] = value
            parsed = {name: json.loads(found[name]) for name in expected if is_json(expected[name])}
            assert found | parsed == expected


def is_json(value: object) -> bool:
    """Return whether a value is written as JSON text in a flattened record."""
    return isinstance(value, (dict, list))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"flattening_enabled": True, "flattening_max_depth": 1},
        {"stream_maps": {"threads": {"text": "status", "number": "int(id)", "status": None}}},
    ],
    ids=["plain", "flattened", "mapped"],
)
def test_form_of_schemas(lab: Lab, settings: dict[str, Any]) -> None:
    """Schemas have no `$schema` and no description, and null is the first of a column's types."""
    catalog = TapHubSpotThreads(config=lab.config()).catalog_dict["streams"]
    streams = [entry["stream"] for entry in catalog]
    schemas = [
        message["schema"] for message in lab.sync(select(*streams), **settings).of_type("SCHEMA")
    ]
    assert len(schemas) == len(streams) == 8
    for schema in (*schemas, *(entry["schema"] for entry in catalog)):
        assert schema.keys() == {"type", "required", "properties"}
        for name, column in schema["properties"].items():
            assert column["type"] == "string" or column["type"][0] == "null" or name == "number"
            assert ("maxLength" in column) == (name == "id")
    if not settings:
        found = {
            message["stream"]: message["schema"]
            for message in lab.sync(select(*streams)).of_type("SCHEMA")
        }
        assert found == {entry["stream"]: entry["schema"] for entry in catalog}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        [{"breadcrumb": [], "metadata": {"inclusion": "available"}}],
        [{"breadcrumb": ["properties", "status"], "metadata": {"inclusion": "available"}}],
    ],
    ids=str,
)
def test_catalog_without_selection(lab: Lab, metadata: list[dict[str, Any]] | None) -> None:
    """A catalog without selection metadata selects the default streams."""
    catalog = select()
    for entry in catalog["streams"]:
        entry.pop("metadata")
        if metadata is not None:
            entry["metadata"] = deepcopy(metadata)
    output = lab.sync(catalog)
    assert output.ids == lab.ids
    assert {m["stream"] for m in output.of_type("SCHEMA")} == {"threads", "deleted_threads"}
    columns = SCHEMAS.get_schema("threads")["properties"].keys()
    assert all(record.keys() == columns for record in output.records())


def test_catalog_without_keys() -> None:
    """If the catalog omits the keys, each stream keeps its primary key and its increments."""
    catalog = select("threads", "messages")
    for entry in catalog["streams"]:
        for name in ("key_properties", "replication_key", "replication_method"):
            entry.pop(name, None)
        for meta in entry["metadata"]:
            for name in ("table-key-properties", "replication-key", "valid-replication-keys"):
                meta["metadata"].pop(name, None)
    with open_lab() as lab:
        life = Life(lab)
        output = life.sync(catalog)
        assert {tuple(m["key_properties"]) for m in output.of_type("SCHEMA")} == {("id",)}
        life.pass_time(hours=1)
        assert life.sync(catalog).records() == []


def test_catalog_with_another_replication_key(lab: Lab) -> None:
    """A replication key that the stream does not have is refused."""
    catalog = select("threads")
    for entry in catalog["streams"]:
        entry["replication_key"] = "createdAt"
    with pytest.raises(
        SettingsError, match=r"createdAt for .*\. Create a catalog with --discover\."
    ):
        lab.sync(catalog)
    assert lab.calls(".") == []


def test_ignored_in_catalog(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Each column that a catalog changes without effect is a warning, in selected streams only."""
    catalog = select("threads")
    for entry in catalog["streams"]:
        entry["schema"]["properties"]["createdAt"] = {"type": ["string", "null"]}
        entry["schema"]["properties"]["sentiment"] = {"type": "string"}
    catalog["streams"].append(catalog["streams"][0] | {"tap_stream_id": "owners", "stream": None})
    assert lab.sync(catalog).ids == lab.ids
    found = [r.getMessage() for r in caplog.records if "has no effect" in r.getMessage()]
    assert len(found) == 3
    assert "column createdAt of threads" in found[0]
    assert "column sentiment of threads" in found[1]
    assert "stream owners" in found[2]


@pytest.mark.parametrize("is_selected", [True, False])
def test_columns_of_messages_in_the_log(
    lab: Lab, caplog: pytest.LogCaptureFixture, *, is_selected: bool
) -> None:
    """If `messages` is selected, the log names its omitted and changed columns."""
    caplog.set_level("INFO")
    catalog = select("threads", *(["messages"] if is_selected else []))
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"][1:] in (["text"], ["client", "properties", "clientType"]):
                meta["metadata"]["selected"] = False
    maps = {"messages": {"subject": "__NULL__", "richText": "'x'"}}
    lab.sync(catalog, stream_maps=maps)
    found = [r.getMessage() for r in caplog.records if "Columns of" in r.getMessage()]
    line = (
        "Columns of messages: left out: client.clientType, text, subject; "
        "changed by stream_maps: richText"
    )
    assert found == ([line] if is_selected else [])


def test_null_in_a_stream_map(lab: Lab) -> None:
    """JSON null in a stream map removes a column, like `__NULL__`."""
    output = lab.sync(select("messages"), stream_maps={"messages": {"text": None}})
    assert output.records("messages")
    assert all("text" not in record for record in output.records("messages"))
