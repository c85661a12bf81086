"""Fivetran's conversation tables, and the HubSpot fields behind their columns."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.endpoints.actors import actor_payloads
from emulator.endpoints.messages import message_payload
from emulator.endpoints.threads import thread_payload
from tests.dbt.conversation import naive
from tests.targets.expected import stored

if TYPE_CHECKING:
    from emulator.data.account import Account

_PARTY = """_fivetran_synced T, _fivetran_id S, actor_id S, message_id S, thread_id S, name S,
    {}_field S, delivery_identifier_type S, delivery_identifier_value S"""
_TABLES = {
    "conversation_thread": """_fivetran_synced T, _fivetran_deleted B, id S, inbox_id S,
        associated_contact_id S, associated_ticket_id S, original_channel_account_id S,
        original_channel_id S, assigned_to S, closed_at T, created_at T,
        latest_message_received_timestamp T, latest_message_sent_timestamp T,
        latest_message_timestamp T, spam S, status S""",
    "conversation_message_history": """_fivetran_synced T, _fivetran_deleted B, _fivetran_start T,
        _fivetran_end T, _fivetran_active B, id S, thread_id S, channel_account_id S, channel_id S,
        from_inbox_id S, to_inbox_id S, assigned_to S, assigned_from S, created_at T, created_by S,
        direction S, in_reply_to_id S, new_status S, rich_text S, subject S, text S,
        truncation_status S, type S, updated_at T, client_type S, status_type S""",
    "conversation_message_recipient": _PARTY.format("recipient"),
    "conversation_message_sender": _PARTY.format("sender"),
    "conversation_actor": "_fivetran_synced T, id S, avatar S, email S, name S, type S",
    "conversation_inbox": """_fivetran_synced T, _fivetran_deleted B, id S, active B, created_at T,
        name S, type S, updated_at T""",
    "conversation_channel": "_fivetran_synced T, _fivetran_deleted B, id S, name S",
    "conversation_channel_account": """_fivetran_synced T, _fivetran_deleted B, id S, channel_id S,
        inbox_id S, active B, authorized B, created_at T, name S, delivery_identifier_type S,
        delivery_identifier_value S""",
}
COLUMNS = {
    table: dict(column.split() for column in columns.split(","))
    for table, columns in _TABLES.items()
}
"""Each table's columns in order, with their types: String, Boolean or Time."""

_SPECIAL = {
    "associated_ticket_id": ("threadAssociations", "associatedTicketId"),
    "client_type": ("client", "clientType"),
    "delivery_identifier_type": ("deliveryIdentifier", "type"),
    "delivery_identifier_value": ("deliveryIdentifier", "value"),
    "status_type": ("status", "statusType"),
    "thread_id": ("conversationsThreadId",),
}
"""HubSpot's fields for columns that are not the field's name in snake_case."""


def payloads(account: Account) -> dict[str, dict[str, dict[str, Any]]]:
    """Return HubSpot's payloads by table and ID, for the tables whose rows have an ID."""
    threads = list(account.threads.values())
    messages = [one for thread in threads for one in account.messages(thread)]
    sent = {
        "conversation_thread": [
            thread_payload(one, associations=["TICKET"], extra=None) for one in threads
        ],
        "conversation_message_history": [message_payload(one) for one in messages],
        "conversation_actor": list(actor_payloads(account).values()),
        "conversation_inbox": account.lists["inboxes"],
        "conversation_channel": account.lists["channels"],
        "conversation_channel_account": account.lists["channel-accounts"],
    }
    return {table: {str(one["id"]): one for one in rows} for table, rows in sent.items()}


def row(table: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the expected row of a table, without the columns that only Fivetran fills."""
    return {
        column: _value(table, column, kind, payload)
        for column, kind in COLUMNS[table].items()
        if column == "_fivetran_deleted" or not column.startswith("_fivetran")
    }


def parties(account: Account, name: str) -> list[dict[str, Any]]:
    """Return the expected rows of senders or recipients: one per entry in a message's list."""
    return [
        {
            "message_id": message.id,
            "thread_id": str(message.thread_id),
            "actor_id": one.get("actorId"),
            "name": stored(one.get("name")),
            f"{name}_field": one.get(f"{name}Field"),
            "delivery_identifier_type": _identifier(one).get("type"),
            "delivery_identifier_value": _identifier(one).get("value"),
        }
        for thread in account.threads.values()
        for message in account.messages(thread)
        for one in message_payload(message)[f"{name}s"]
    ]


def _identifier(party: dict[str, Any]) -> dict[str, str]:
    """Return the address of a sender or recipient, from the singular or the plural field."""
    found: dict[str, str] = party.get("deliveryIdentifier") or {}
    return found or next(iter(party.get("deliveryIdentifiers", [])), {})


def _value(table: str, column: str, kind: str, payload: dict[str, Any]) -> Any:
    if column == "_fivetran_deleted":
        return bool(payload.get("archived"))
    if (table, column) == ("conversation_inbox", "active"):
        return not payload["archived"]
    value: Any = payload
    for name in _SPECIAL.get(column, (re.sub("_(.)", lambda m: m[1].upper(), column),)):
        value = value.get(name) if value else None
    if value is None or kind == "B":
        return value
    if kind == "T":
        return naive(datetime.fromisoformat(value.replace("Z", "+00:00")))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # PostgreSQL refuses NUL and unpaired surrogates, and the tap emits neither.
    return stored(text)
