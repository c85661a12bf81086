"""Lists by time whose rows are newer than their positions: no thread and no message is lost."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emulator.data.account import Account
from tests.conftest import NOON, Life, open_lab, select

if TYPE_CHECKING:
    from emulator.data.thread import Thread

MESSAGES = ("threads", "messages")


def add_messages_to_pages(life: Life, threads: list[Thread], *, seed: int = 1) -> None:
    """Add a message, sometimes a late email, while each page by time is built."""
    rng, account = random.Random(seed), life.lab.account
    account.behavior.rows_filled = "late"

    def add_message(target: str) -> None:
        if "latestMessage" not in target:
            return
        life.now += timedelta(seconds=2)
        thread = rng.choice(threads)
        if rng.random() < 0.3:
            late = timedelta(seconds=rng.randrange(1, 200))
            account.mail(thread, sent_at=max(thread.created_at, account.now() - late))
        else:
            account.message(thread, sent=True)

    life.lab.emulator.while_filling = add_message


def messages_of(life: Life, threads: list[Thread]) -> set[str]:
    """Return the IDs of all messages of these threads."""
    account = life.lab.account
    return {message.id for thread in threads for message in account.messages(thread)}


@pytest.mark.parametrize(("span", "cursors"), [(0.5, "key"), (0.005, "offset")])
def test_increment_of_many_pages(span: float, cursors: str) -> None:
    """Two syncs emit 1,600 changed threads with all of their messages."""
    with open_lab(Account([])) as lab:
        life = Life(lab, open_threads_max_calls=0)
        lab.account.behavior.cursors_by_time = cursors  # type: ignore[assignment] # one of its choices
        life.sync(select(*MESSAGES))
        changed = []
        for _ in range(1_600):
            life.now += timedelta(seconds=span)
            changed += life.threads(1)
        life.pass_time(minutes=2)
        lab.account.behavior.cap = 200
        add_messages_to_pages(life, changed)
        threads: set[str] = set()
        messages: set[str] = set()
        for _ in range(2):
            life.sync(select(*MESSAGES))
            threads |= set(life.last.ids)
            messages |= {row["id"] for row in life.last.records("messages")}
            lab.emulator.while_filling = None
            life.pass_time(minutes=10)
        assert threads == {str(thread.id) for thread in changed}
        assert messages == messages_of(life, changed)


def test_backfill_of_many_pages() -> None:
    """A backfill of 3,000 threads loses no message of threads that move during the backfill."""
    with open_lab(Account([])) as lab:
        life = Life(lab, open_threads_max_calls=0)
        life.now = NOON - timedelta(days=1)
        all_threads = []
        for _ in range(3_000):
            life.now += timedelta(seconds=5)
            all_threads += life.threads(1)
        life.pass_time(hours=1)
        life.sync()
        life.pass_time(hours=1)
        add_messages_to_pages(life, all_threads)
        messages: set[str] = set()
        for _ in range(2):
            life.sync(select(*MESSAGES))
            messages |= {row["id"] for row in life.last.records("messages")}
            lab.emulator.while_filling = None
            life.pass_time(minutes=10)
        assert messages == messages_of(life, all_threads)
        assert life.state["bookmarks"]["messages"]["replication_key_value"]
