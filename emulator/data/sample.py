"""The agents, reference lists and threads of the sample account."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

from emulator.data.thread import CHANNELS, CHAT, HELP_DESK, SALES, Thread

AGENTS = ("A-2620022", "A-2620108", "A-2741990", "L-77")
START = datetime(2025, 11, 3, 8, 0, tzinfo=timezone.utc)
SPAN = timedelta(days=360)
OLD = 481_901
LONG_AGO, LATELY = "2024-02-19T09:30:00.125Z", "2026-08-03T16:45:10.000Z"


def _inbox(number: int, name: str, kind: str = "INBOX") -> dict[str, Any]:
    body = {"id": str(number), "name": name, "type": kind, "archived": False}
    return body | {"createdAt": LONG_AGO, "updatedAt": LATELY}


def _account(number: int, channel: int, inbox: int, name: str, **more: Any) -> dict[str, Any]:
    body = {"id": str(number), "channelId": str(channel), "inboxId": str(inbox), "name": name}
    states = {"active": True, "authorized": True, "archived": False, "createdAt": LONG_AGO}
    return body | states | more


def _address(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "value": value}


SAMPLE_LISTS: dict[str, list[dict[str, Any]]] = {
    "inboxes": [
        _inbox(OLD, "Old support") | {"archived": True, "archivedAt": LATELY},
        _inbox(HELP_DESK, "Help desk", "HELP_DESK"),
        _inbox(SALES, "Sales"),
        _inbox(CHAT, "Chat on the site"),
    ],
    "channels": [
        {"id": "1000", "name": "LIVE_CHAT"},
        {"id": "1001", "name": "FB_MESSENGER"},
        {"id": "1002", "name": "EMAIL"},
        {"id": "1007", "name": "WHATSAPP"},
    ],
    "channel-accounts": [
        _account(
            CHANNELS[HELP_DESK][1],
            1002,
            HELP_DESK,
            "support@example.com",
            deliveryIdentifier=_address("HS_EMAIL_ADDRESS", "support@example.com"),
        ),
        _account(
            CHANNELS[SALES][1],
            1002,
            SALES,
            "sales@example.com",
            deliveryIdentifier=_address("HS_EMAIL_ADDRESS", "sales@example.com"),
        ),
        _account(
            150_900,
            1002,
            OLD,
            "old@example.com",
            active=False,
            authorized=False,
            archived=True,
            archivedAt=LATELY,
        ),
        _account(CHANNELS[CHAT][1], 1000, CHAT, "Chat on the site"),
        _account(
            151_077,
            1007,
            CHAT,
            "WhatsApp",
            active=False,
            deliveryIdentifier=_address("HS_PHONE_NUMBER", "+4915112345678"),
        ),
    ],
}
"""The reference lists of a new account. They include every object that `CHANNELS` names."""


def sample_threads(size: int, *, seed: int) -> list[Thread]:
    """Return `size` threads, always the same ones for the same size and seed.

    About 10% are archived and a third are open. A few are spam, and some have no message.
    """
    chance = random.Random(seed)
    now = START
    thread_id = 9_336_126_000
    threads = []
    for _ in range(size):
        now += SPAN / size * chance.uniform(0.2, 1.8)
        now -= timedelta(microseconds=now.microsecond % 1000)
        thread_id += chance.randrange(1, 2_000)
        threads.append(_make_thread(chance, thread_id, now))
    return threads


def _make_thread(chance: random.Random, thread_id: int, created: datetime) -> Thread:
    def later(moment: datetime, hours: int) -> datetime:
        moment += timedelta(milliseconds=chance.randrange(1_000, hours * 3_600_000))
        return moment.replace(microsecond=0) if chance.random() < 0.1 else moment

    thread = Thread(
        id=thread_id,
        inbox_id=chance.choices((HELP_DESK, SALES, CHAT), (6, 2, 4))[0],
        contact_id=chance.randrange(1_401, 99_999),
        created_at=created,
        spam=chance.random() < 0.04,
        archived=chance.random() < 0.1,
    )
    if chance.random() < 0.95:
        thread.received_at = later(created, 1)
        if chance.random() < 0.8:
            thread.assigned_to = chance.choice(AGENTS)
            thread.sent_at = later(thread.received_at, 8)
            if chance.random() < 0.4:
                thread.received_at = later(thread.sent_at, 24)
        if chance.random() < 0.65:
            thread.closed_at = later(thread.latest_message_at or created, 48)
        if chance.random() < 0.35:
            thread.ticket_id = chance.randrange(57_000_000, 58_000_000)
    return thread
