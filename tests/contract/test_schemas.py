"""The columns of what surrounds a thread, held against a list of HubSpot's fields of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.singer.base_stream import SCHEMAS

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
"""HubSpot's fields by the type of message, beside those of every type. Documented for 2026-09."""
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
    """Return the columns of a stream but for the key and `otherProperties`."""
    columns = dict(SCHEMAS.get_schema(stream)["properties"])
    assert columns.pop("id")["type"] == "string"
    assert list(columns)[-1:] == ["otherProperties"]
    assert columns.pop("otherProperties")["type"] == TYPES["object"]["type"]
    return columns


def kinds_of(columns: dict[str, Any]) -> dict[str, str]:
    """Return what kind each column is of."""
    found = {}
    for name, column in columns.items():
        is_told = {key: column[key] for key in ("type", "format") if key in column}
        found[name] = next(kind for kind, wanted in TYPES.items() if wanted == is_told)
    return found


def definitions(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and all that is defined in it."""
    yield schema
    for column in schema.get("properties", {}).values():
        yield from definitions(column)


@pytest.mark.parametrize("stream", FIELDS)
def test_every_field_is_a_column(stream: str) -> None:
    """Each field that HubSpot documents is a column of its type, null where it is missing."""
    fields = {name: kind for name, kind in FIELDS[stream].items() if name != "id"}
    assert kinds_of(columns_of(stream)) == fields
    assert SCHEMAS.get_schema(stream)["required"] == ["id"]


@pytest.mark.parametrize(("stream", "column"), INNER)
def test_fields_of_objects(stream: str, column: str) -> None:
    """What an object is documented to hold has its own types too."""
    assert kinds_of(columns_of(stream)[column]["properties"]) == INNER[stream, column]


def test_objects_without_fixed_fields() -> None:
    """Only what HubSpot fills at will is an object of anything, and a column of its own."""
    free = {
        (stream, name)
        for stream in FIELDS
        for name, kind in kinds_of(columns_of(stream)).items()
        if kind == "object" and "properties" not in columns_of(stream)[name]
    }
    assert free == {("messages", "failureDetails")}
    inner = [fields for (stream, name), fields in INNER.items()]
    assert not any({"object", "array"} & set(fields.values()) for fields in inner)


@pytest.mark.parametrize("stream", ["threads", "thread_index", "deleted_threads", *FIELDS])
def test_form_that_targets_accept(stream: str) -> None:
    """Null is the first of two types, the key has a length, and nothing has other keywords."""
    top, *columns = definitions(SCHEMAS.get_schema(stream))
    assert top.keys() == {"$schema", "description", "type", "required", "properties"}
    assert top["properties"]["id"].keys() == {"description", "type", "maxLength"}
    for column in columns:
        assert column.keys() <= {"description", "type", "format", "properties", "maxLength"}
        assert column["type"] == "string" or column["type"][0] == "null"
    assert sum("maxLength" in column for column in columns) == 1
    # Flattening removes an object with an empty list of fields, and what is in it.
    assert all(column.get("properties") != {} for column in columns)


@pytest.mark.parametrize("column", IN_ARRAYS)
def test_arrays_are_told_in_words(column: str) -> None:
    """An array has no `items`, which some targets drop fields for: its fields are described."""
    defined = columns_of("messages")[column]
    assert defined.keys() == {"description", "type"}
    assert [name for name in IN_ARRAYS[column] if name not in defined["description"]] == []


@pytest.mark.parametrize("stream", FIELDS)
def test_everything_is_described(stream: str) -> None:
    """Each column, and each in it, is described by a sentence; no values are fixed."""
    for defined in definitions(SCHEMAS.get_schema(stream)):
        assert defined["description"].endswith(".")
        assert "enum" not in defined
        assert "items" not in defined


def test_types_of_messages_are_told() -> None:
    """A column that only some messages have says of which types it is."""
    for name, column in columns_of("messages").items():
        if name in ANY_MESSAGE:
            continue
        last_sentence = column["description"].rpartition(". ")[2]
        types = last_sentence.removesuffix(" only.").replace(" and ", ", ").split(", ")
        assert types == [type_ for type_, fields in MESSAGES.items() if name in fields], name


def test_every_schema_has_tests() -> None:
    """The streams here are all that surround a thread, beside those with tests of their own."""
    files = {path.name for path in SCHEMAS.dir_path.iterdir() if path.name.endswith(".json")}
    others = {"threads.json", "deleted_threads.json", "thread_index.json", "state.json"}
    assert files - others == {f"{stream}.json" for stream in FIELDS}
