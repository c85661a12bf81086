"""Threads as an account might have them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

from emulator.thread import CHAT, HELP_DESK, SALES, Thread

AGENTS = ("A-2620022", "A-2620108", "A-2741990", "L-77")
START = datetime(2025, 11, 3, 8, 0, tzinfo=timezone.utc)
SPAN = timedelta(days=360)


def sample_threads(size: int, *, seed: int) -> list[Thread]:
    """Make so many threads; the same for the same size and seed.

    About a tenth is archived, a third open, a few are spam, some have no message yet.
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
