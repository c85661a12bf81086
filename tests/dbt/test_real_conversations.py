"""The conversations of tests/payloads, loaded: the models say what a person reads in them."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.payloads.replay import ENTRIES

if TYPE_CHECKING:
    from tests.dbt.warehouse import Warehouse

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.filterwarnings("ignore"),  # dbt's own
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python < 3.14"),
]

THREADS = (3, 5, 51)
MESSAGES = (4, 6, *range(7, 15), 17, 23, 24, 28, 29, 30, 31, 33, 34, 35, 52, 53)
CHANNEL_ACCOUNTS = (19, 20)
OWN_DOMAINS = ["our-company.example", "support@example.org", "Support@Example.com"]

ADA, SUPPORT = "ada@example.com", "support@example.org"
OPAQUE = "0232d1661ef84248bd4923cce9d3b917"
BO = "Bo Example from App test account 10"
WRITTEN: dict[str, tuple[str | None, str | None, str, str | None, str | None]] = {
    # Entry and message: direction, author's ID, kind, name and address.
    "4/3ad3474b08dd408ca57a8454e355e942": ("incoming", "V-1401", "visitor", None, OPAQUE),
    "4/0c9b86b11210479eb1ae193ec5add0b7": (None, "S-hubspot", "system", None, None),
    "6/a5a6145f-5bf1-4d9c-b029-a1d133c25d8c": (None, "S-hubspot", "system", None, None),
    "6/e1d9b8e855e8418392b75a3ba1d5deb6": ("incoming", "V-340101", "visitor", None, None),
    "6/b45b722012494314b8f68e106aa96f4f": (None, "S-hubspot", "system", None, None),
    "7/c6f5237b-ca83-47ed-9e3c-bced347064a3": (
        *("incoming", "V-101", "visitor", "Ada Example", ADA),
    ),
    "8/5a7cb7bd-810d-44b8-b79c-45e6a6c44861": (None, "S-hubspot", "system", None, None),
    "9/f511eb3892ba4e948b1e7ad806bde1c8": ("outgoing", "A-8835724", "agent", BO, SUPPORT),
    # The agent made HubSpot assign the thread by answering it; the sender is HubSpot.
    "10/b2ebf776-723b-4523-bed5-6e304c865a01": (None, "A-8835724", "agent", None, None),
    "11/be066bfd-d0f2-43b1-8f5d-5de8a905f834": (
        *("incoming", "V-101", "visitor", "Ada Example", ADA),
    ),
    "12/dc358e41-8155-4beb-8be1-25006c4130ad": (
        *("incoming", "V-101", "visitor", "Ada Example", ADA),
    ),
    "13/66a8e3e68ba746ed8aeb0efa3c129683": ("outgoing", "A-8835724", "agent", BO, SUPPORT),
    "14/5bc511c6161c41ba811829eb460a83b8": (
        *("outgoing", "A-46685293", "agent", "Cy Example", "support@10000001.hs-inbox.com"),
    ),
    "17/040fe7ea-50ba-459a-8573-1d00fb78b483": (None, "I-52674089", "integration", None, None),
    "23/cut": (None, None, "email", None, ADA),
    # A colleague's answer from their own mailbox, which HubSpot reports as INCOMING.
    "24/in-by-staff": ("outgoing", "V-555", "staff", "Bo Example", "bo@our-company.example"),
    # Forwarded: who wrote it is the original sender.
    "28/m-po": (None, None, "email", None, "noreply@ops.example"),
    "29/1": ("outgoing", "A-123", "agent", None, SUPPORT),
    "29/2": ("incoming", "V-999", "visitor", None, ADA),
    "29/3": (None, None, "other", None, None),
    "29/4": (None, None, "other", None, None),
    "30/x": (None, None, "email", "Ada Example (Sample Contact)", ADA),
    "31/m1": ("incoming", "V-1", "visitor", None, None),
    "33/event-1": (None, None, "other", None, None),
    "33/in-abc_123:456": ("incoming", None, "other", None, None),
    "33/comment-1": (None, None, "other", None, None),
    "34/a": ("incoming", None, "other", "Anonym", None),
    "34/b": ("incoming", None, "other", None, "+15550100"),
    "35/r": ("outgoing", "I-77", "integration", "Integration", None),
    "35/f": ("incoming", "V-700001", "visitor", None, None),
    "52/13001c5e5ff0434eb9d8699ba0f88f7c": (None, "A-100000001", "agent", None, None),
    "52/e04f8ac70e5d471e84fb45f3e437b6e8": (None, "A-100000002", "agent", None, None),
    "52/e16be9df-bbe6-48d0-b9d3-e3fb6df15671": (None, "S-hubspot", "system", None, None),
    "52/83d27135-caba-4c5c-bca3-2322fd2cc06f": (
        *("incoming", "V-462000000002", "visitor", "Ada Example", ADA),
    ),
    "53/c87bc7e6-d84f-455d-86cd-b271573760cd": (None, "I-35412221", "integration", None, None),
}
RECIPIENTS = {
    "4/0c9b86b11210479eb1ae193ec5add0b7": [OPAQUE],
    "7/c6f5237b-ca83-47ed-9e3c-bced347064a3": [SUPPORT],
    "13/66a8e3e68ba746ed8aeb0efa3c129683": [ADA],
    "14/5bc511c6161c41ba811829eb460a83b8": [ADA],
    "24/in-by-staff": [ADA, "support@our-company.example"],
    "30/x": [SUPPORT],
}
TEXTS = {
    "7/c6f5237b-ca83-47ed-9e3c-bced347064a3": "Hubspot",
    "11/be066bfd-d0f2-43b1-8f5d-5de8a905f834": "Reply\n\n",
    "28/m-po": "",
    "33/in-abc_123:456": "Hallo & Hilfe",
}
OWN_ADDRESSES = {
    *("helpdesk@example.onmicrosoft.com", "example.onmicrosoft.com"),
    *("support-3@example.com.hs-inbox.com", "support-4@example.com.hs-inbox.com"),
    *("example.com.hs-inbox.com", "sample@10000002.hs-inbox.com", "10000002.hs-inbox.com"),
    *("hello@example.com", "old@example.com", "example.com"),
}
REPLIED = "2024-10-21T11:39:29.389"
CONVERSATIONS: dict[str, dict[str, Any]] = {
    # An email, answered by an agent, who was assigned because of the answer.
    "8243595013": {
        "started_by": "visitor",
        "first_incoming_at": datetime.fromisoformat("2024-10-21T11:09:16"),
        "first_response_by": "A-8835724",
        "first_response_seconds": 355.699,
        "first_assigned_at": datetime.fromisoformat("2024-10-21T11:15:12.063"),
        "agent_first_response_seconds": None,
        "awaiting_reply_from": "visitor",
        "waiting_since": datetime.fromisoformat(REPLIED),
        "is_handled_by_bot_only": False,
    },
    # Comments alone: nobody has answered, although latestMessageSentTimestamp has moved.
    "11306536687": {
        "started_by": "visitor",
        "first_response_at": None,
        "awaiting_reply_from": "business",
        "waiting_since": datetime.fromisoformat("2026-03-27T21:18:05"),
        "comments": 3,
    },
    # The form's lead got an automatic answer that failed.
    "entry 35": {
        "started_by": "form",
        "first_response_at": None,
        "awaiting_reply_from": "business",
        "messages_failed": 1,
    },
    # The answer of a colleague is no message of a visitor.
    "entry 24": {
        "started_by": "business",
        "first_incoming_at": None,
        "messages_by_staff": 1,
        "awaiting_reply_from": "visitor",
    },
    # A thread whose messages were not loaded waits for nobody that is known.
    "11304183528": {"messages": None, "awaiting_reply_from": None, "has_complete_messages": None},
}


@pytest.fixture(scope="module")
def real(warehouse: Warehouse) -> Warehouse:
    """Load the conversations and build the models."""
    threads = [row for number in THREADS for row in rows_of(number)]
    messages = []
    for number in MESSAGES:
        for row in rows_of(number):
            thread = row.get("conversationsThreadId", "1")
            thread = f"entry {number}" if thread == "1" else thread
            more = {"id": f"{number}/{row['id']}", "conversationsThreadId": thread}
            messages.append(row | more)
    known = {row["id"] for row in threads}
    others = {row["conversationsThreadId"] for row in messages} - known
    threads += [{"id": thread, "status": "OPEN"} for thread in others]
    accounts = [
        row | {"id": f"{number}/{row['id']}"}
        for number in CHANNEL_ACCOUNTS
        for row in rows_of(number)
    ]
    for stream, rows in (
        *(("threads", threads), ("messages", messages)),
        ("channel_accounts", accounts),
    ):
        warehouse.fill("recorded", stream, rows)
    said = warehouse.dbt("run", schema="recorded", own_domains=OWN_DOMAINS)
    assert set(said.values()) == {"success"}
    return warehouse


def rows_of(number: int) -> list[dict[str, Any]]:
    """Return the rows of an entry."""
    content = ENTRIES[number - 1]["json"]
    rows: list[dict[str, Any]] = content.get("results", [content])
    return rows


def test_authors_and_directions(real: Warehouse) -> None:
    """Each message has the side and the author that a person reads in it."""
    rows = real.table("recorded_analytics.conversation_messages", "message_id")
    columns = ("direction", "author_id", "author_kind", "author_name", "author_address")
    found = {name: tuple(row[column] for column in columns) for name, row in rows.items()}
    assert found == WRITTEN
    assert rows["24/in-by-staff"]["hubspot_direction"] == "INCOMING"
    assert [name for name, row in rows.items() if row["is_form"]] == ["35/f"]


def test_recipients_and_texts(real: Warehouse) -> None:
    """Addresses are read from both fields, and words from the rich text if only that has them."""
    parties = real.query("SELECT * FROM recorded_analytics.stg_message_parties ORDER BY place")
    parties = [row for row in parties if row["role"] == "recipient"]
    texts = real.table("recorded_analytics.stg_messages", "message_id")
    for message, addresses in RECIPIENTS.items():
        found = [row for row in parties if row["message_id"] == message]
        assert [row["delivery_identifier_value"] for row in found] == addresses
    assert {message: texts[message]["text"] for message in TEXTS} == TEXTS
    assert texts["33/in-abc_123:456"]["hubspot_text"] == ""


def test_conversations(real: Warehouse) -> None:
    """The metrics are those that a person works out."""
    rows = real.table("recorded_analytics.conversations", "conversation_id")
    for name, wanted in CONVERSATIONS.items():
        assert {column: rows[name][column] for column in wanted} == wanted, name
    turns = real.table("recorded_analytics.conversation_turns", "turn_id")
    assert turns["8243595013 1"]["seconds_to_reply"] == 355.699
    assert turns["8243595013 2"]["seconds_to_reply"] == 1141.389
    assert turns["8243595013 2"]["messages_incoming"] == 2
    assert "8243595013 3" not in turns


def test_own_addresses_by_default(real: Warehouse) -> None:
    """By default the channel accounts say what is own; a variable without entries says nothing."""
    real.dbt("run", "--select", "stg_own_addresses", schema="recorded")
    assert real.column("recorded_analytics.stg_own_addresses", "name") == OWN_ADDRESSES
    real.dbt("run", "--select", "stg_own_addresses", schema="recorded", own_domains=[])
    assert real.column("recorded_analytics.stg_own_addresses", "name") == set()
