"""Schemas of messages, actors and reference lists, compared with HubSpot's documented fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.singer.row_to_record import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

ANY_MESSAGE = {
    "type": "text",
    "id": "text",
    "conversationsThreadId": "text",
    "createdAt": "time",
    "updatedAt": "time",
    "createdBy": "text",
    "client": "object",
    "senders": "array",
    "recipients": "array",
    "archived": "boolean",
}
MESSAGES = {
    "MESSAGE": {
        "text": "text",
        "richText": "text",
        "attachments": "array",
        "subject": "text",
        "truncationStatus": "text",
        "inReplyToId": "text",
        "status": "object",
        "failureDetails": "object",
        "direction": "text",
        "channelId": "text",
        "channelAccountId": "text",
    },
    "COMMENT": {"text": "text", "richText": "text", "attachments": "array"},
    "WELCOME_MESSAGE": {
        "text": "text",
        "richText": "text",
        "channelId": "text",
        "channelAccountId": "text",
    },
    "ASSIGNMENT": {"assignedTo": "text", "assignedFrom": "text"},
    "THREAD_STATUS_CHANGE": {"newStatus": "text"},
    "THREAD_INBOX_CHANGE": {"fromInboxId": "text", "toInboxId": "text"},
}
"""HubSpot's fields per message type, in addition to those of every type. Documented for 2026-09."""
FIELDS = {
    "messages": {
        name: kind for own in [ANY_MESSAGE, *MESSAGES.values()] for name, kind in own.items()
    },
    "actors": dict.fromkeys(("id", "type", "name", "email", "avatar"), "text"),
    "inboxes": {
        "id": "text",
        "name": "text",
        "type": "text",
        "createdAt": "time",
        "updatedAt": "time",
        "archived": "boolean",
        "archivedAt": "time",
    },
    "channels": {"id": "text", "name": "text"},
    "channel_accounts": {
        "id": "text",
        "channelId": "text",
        "inboxId": "text",
        "name": "text",
        "active": "boolean",
        "authorized": "boolean",
        "deliveryIdentifier": "object",
        "createdAt": "time",
        "archived": "boolean",
        "archivedAt": "time",
    },
}
INNER = {
    ("messages", "client"): {"clientType": "text", "integrationAppId": "integer"},
    ("messages", "status"): {"statusType": "text"},
    ("channel_accounts", "deliveryIdentifier"): {"type": "text", "value": "text"},
}
IN_ARRAYS = {
    "senders": ["actorId", "name", "senderField", "deliveryIdentifier", "type", "value"],
    "recipients": ["actorId", "name", "recipientField", "deliveryIdentifier", "type", "value"],
    "attachments": [
        *("FILE", "fileId", "fileUsageType", "name", "url"),
        *("LOCATION", "latitude", "longitude", "address"),
        *("CONTACT", "contactProfile", "UNSUPPORTED_CONTENT", "MESSAGE_HEADER", "text"),
        *("QUICK_REPLIES", "quickReplies", "allowMultiSelect", "allowUserInput"),
        *("WHATSAPP_TEMPLATE_METADATA", "contentId", "mappedTemplateId", "rootMicId"),
        *("crmObjectIds", "parameters", "SOCIAL_MEDIA_METADATA", "socialMetadata"),
    ],
}
TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["null", "string"]},
    "time": {"type": ["null", "string"], "format": "date-time"},
    "boolean": {"type": ["null", "boolean"]},
    "integer": {"type": ["null", "integer"]},
    "object": {"type": ["null", "object"]},
    "array": {"type": ["null", "array"]},
}


def columns_of(stream: str) -> dict[str, Any]:
    """Return the columns of a stream, without the key and `otherProperties`."""
    columns = dict(SCHEMAS.get_schema(stream)["properties"])
    assert columns.pop("id")["type"] == "string"
    assert list(columns)[-1:] == ["otherProperties"]
    assert columns.pop("otherProperties")["type"] == TYPES["object"]["type"]
    return columns


def type_names(columns: dict[str, Any]) -> dict[str, str]:
    """Return the type of each column."""
    found = {}
    for name, column in columns.items():
        definition = {key: column[key] for key in ("type", "format") if key in column}
        found[name] = next(kind for kind, schema in TYPES.items() if schema == definition)
    return found


def definitions(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and every schema in it."""
    yield schema
    for column in schema.get("properties", {}).values():
        yield from definitions(column)


@pytest.mark.parametrize("stream", FIELDS)
def test_every_field_is_a_column(stream: str) -> None:
    """Each field that HubSpot documents is a nullable column of its type."""
    fields = {name: kind for name, kind in FIELDS[stream].items() if name != "id"}
    assert type_names(columns_of(stream)) == fields
    assert SCHEMAS.get_schema(stream)["required"] == ["id"]


@pytest.mark.parametrize(("stream", "column"), INNER)
def test_fields_of_objects(stream: str, column: str) -> None:
    """The documented fields of objects have their types too."""
    assert type_names(columns_of(stream)[column]["properties"]) == INNER[stream, column]


def test_objects_without_fixed_fields() -> None:
    """Only an object without documented fields has no `properties`, and no object is nested."""
    free = {
        (stream, name)
        for stream in FIELDS
        for name, kind in type_names(columns_of(stream)).items()
        if kind == "object" and "properties" not in columns_of(stream)[name]
    }
    assert free == {("messages", "failureDetails")}
    inner = [fields for (stream, name), fields in INNER.items()]
    assert not any({"object", "array"} & set(fields.values()) for fields in inner)


@pytest.mark.parametrize("stream", ["threads", "thread_index", "deleted_threads", *FIELDS])
def test_form_that_targets_accept(stream: str) -> None:
    """Null is the first of two types, the key has a length, and there are no other keywords."""
    top, *columns = definitions(SCHEMAS.get_schema(stream))
    assert top.keys() == {"$schema", "description", "type", "required", "properties"}
    assert top["properties"]["id"].keys() == {"description", "type", "maxLength"}
    for column in columns:
        assert column.keys() <= {"description", "type", "format", "properties", "maxLength"}
        assert column["type"] == "string" or column["type"][0] == "null"
    assert sum("maxLength" in column for column in columns) == 1
    # Flattening removes an object with empty `properties`, and its values.
    assert all(column.get("properties") != {} for column in columns)


@pytest.mark.parametrize("column", IN_ARRAYS)
def test_arrays_are_described(column: str) -> None:
    """Arrays have no `items`, because some targets then drop fields; the description lists them."""
    defined = columns_of("messages")[column]
    assert defined.keys() == {"description", "type"}
    assert [name for name in IN_ARRAYS[column] if name not in defined["description"]] == []


@pytest.mark.parametrize("stream", FIELDS)
def test_everything_is_described(stream: str) -> None:
    """Every column at any depth is described by a sentence, and no values are fixed."""
    for defined in definitions(SCHEMAS.get_schema(stream)):
        assert defined["description"].endswith(".")
        assert "enum" not in defined
        assert "items" not in defined


def test_message_types_are_described() -> None:
    """A column that only some messages have names their types in its description."""
    for name, column in columns_of("messages").items():
        if name in ANY_MESSAGE:
            continue
        last_sentence = column["description"].rpartition(". ")[2]
        types = last_sentence.removesuffix(" only.").replace(" and ", ", ").split(", ")
        assert types == [type_ for type_, fields in MESSAGES.items() if name in fields], name


def test_every_schema_has_tests() -> None:
    """Every schema is tested here or has tests of its own."""
    files = {path.name for path in SCHEMAS.dir_path.iterdir() if path.name.endswith(".json")}
    others = {"threads.json", "deleted_threads.json", "thread_index.json", "state.json"}
    assert files - others == {f"{stream}.json" for stream in FIELDS}
