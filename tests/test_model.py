"""Random histories of an account, and what the warehouse has of it after each sync.

A failing history prints as a story of what happened when. `make model HISTORIES=2000` runs more.
"""

from __future__ import annotations

import io
import json
import os
import random
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from typing_extensions import override

from emulator.account import AGENTS, CHAT, HELP_DESK, SALES, Account, Thread
from emulator.faults import storm
from emulator.limits import RollingLimit
from emulator.server import TOKEN, Emulator
from tap_hubspot_threads.hubspot.cleaning import RowCleaner
from tap_hubspot_threads.streams.base import SCHEMAS
from tap_hubspot_threads.sync.workers import LOOKAHEAD
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import set_machine

HISTORIES = int(os.environ.get("HISTORIES", "60"))
SYNCS = 8
CLEANER = RowCleaner(SCHEMAS.get_schema("threads"))

Row = dict[str, Any]


class Killed(BaseException):
    """The process is gone."""


class Pipe(io.StringIO):
    """A pipe to a target, that breaks after so many messages."""

    def __init__(self, messages: float) -> None:
        super().__init__()
        self._left = messages

    @override
    def write(self, text: str) -> int:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return super().write(text)


@dataclass
class Past:
    """What a thread was, and since when the warehouse has to know it."""

    versions: list[tuple[int, Row]] = field(default_factory=list)
    """The moment of each change, and the row since then."""
    told_at: int | None = None
    """The last moment from which the tap has to know it; None: never yet."""
    restored_at: int = -1
    """When it was last restored: a listing that goes on may see it on neither side."""
    deleted_at: int | None = None

    def could_be(self, row: Row, since: int) -> bool:
        """Whether the row was true at any moment since then."""
        ends = [moment for moment, _ in self.versions[1:]] + [10**9]
        return any(
            end > since and row == version
            for end, (_, version) in zip(ends, self.versions, strict=True)
        )


class History:
    """An account in which things happen, a warehouse, and the syncs between them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.story = [f"seed {seed}"]
        self.moment = 0
        self.time = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
        self.account = Account(
            [], clock=lambda: self.time, offset_cursors=self.chance.random() < 0.5
        )
        self.past: dict[int, Past] = {}
        self.warehouse: dict[str, Row] = {}
        self.state: dict[str, Any] = {}
        self.times: list[tuple[str, int]] = []
        self.told_deleted: list[str] = []
        self.is_syncing = False
        self.is_listed = False
        self.shifted_at = -1
        self.story.append(f"cursors are {'offsets' if self.account.offset_cursors else 'keys'}")
        for _ in range(self.chance.randrange(40)):
            self.happen("new")
            self.happen()

    # What happens in the account

    def happen(self, what: str | None = None) -> None:
        """Let something happen to some thread."""
        self.time += timedelta(milliseconds=self.chance.choice([0, 0, 1, 20, 300]))
        self.moment += 1
        self.times.append((f"{self.time:%Y-%m-%dT%H:%M:%S}.000Z", self.moment))
        if what is None:
            kinds = ["new", "message", "message", "message", "close", "reopen", "assign", "spam"]
            kinds += ["move", "archive", "restore", "delete"]
            what = self.chance.choice(kinds)
        # With cursors that are offsets, a listing by id skips threads when others leave it.
        if what in {"archive", "restore", "delete"} and self.account.offset_cursors:
            if not self.is_listed and (self.is_syncing or self.state):
                return
            self.shifted_at = self.moment
        if what == "new":
            thread = self.account.create(self.chance.choice([HELP_DESK, SALES, CHAT]))
            self.past[thread.id] = Past()
        elif self.account.threads:
            thread = self.chance.choice(list(self.account.threads.values()))
            self._do(what, thread)
        else:
            return
        self.story.append(f"{self.moment:4} {self.time:%H:%M:%S.%f} {what} {thread.id}")
        if thread.id in self.account.threads:
            row = CLEANER.clean(thread.payload(associations=["TICKET"], extra=None))
            self.past[thread.id].versions.append((self.moment, row))

    def _do(self, what: str, thread: Thread) -> None:
        past = self.past[thread.id]
        if what == "message":
            self.account.message(thread, sent=self.chance.random() < 0.5)
            past.told_at = self.moment
        elif what in {"close", "reopen"}:
            thread.closed_at = self.account.now() if what == "close" else None
        elif what == "assign":
            thread.assigned_to = self.chance.choice([None, *AGENTS])
        elif what == "spam":
            thread.spam = not thread.spam
        elif what == "move":
            thread.inbox_id = self.chance.choice([HELP_DESK, SALES, CHAT])
        elif what in {"archive", "restore"}:
            if thread.archived and what == "restore":
                past.restored_at = self.moment
            thread.archived = what == "archive"
        else:
            self.account.delete(thread)
            past.deleted_at = self.moment

    # Syncs

    @property
    def kept(self) -> dict[str, Any]:
        """What the state has under bookmarks.threads."""
        bookmarks: dict[str, dict[str, Any]] = self.state.get("bookmarks", {})
        return bookmarks.get("threads", {})

    def sync(self, emulator: Emulator) -> None:
        """Sync, killed or not, and hold the warehouse against the account."""
        chance = self.chance
        began = self.moment
        kill_after = chance.choice([float("inf"), float("inf"), chance.randrange(1, 60)])
        settings = {
            "thread_fetch": chance.choice(["auto", "by_id"]),
            "max_concurrency": chance.choice([1, 4]),
            "lookback_seconds": chance.choice([30, 300]),
            "refresh_open_calls": chance.choice([10_000, 10_000, 4, 0]),
            "full_listing_hours": 1,
            "full_listing_calls": chance.choice([1, 3, 200]),
            "max_attempts": 100,
        }
        emulator.faults[:] = storm(chance, chance.choice([0, 0, 4]))
        self.story.append(f"     sync {settings}, to be killed after {kill_after} messages")
        pipe = Pipe(kill_after)
        was_killed = False
        self.is_syncing = True
        watched = {entry.partition(":")[0] for entry in self.kept.get("open_threads", [])}
        listed_at = self.kept.get("full_listing_completed_at"), self.kept.get("listing")
        with redirect_stdout(pipe):
            try:
                TapHubSpotThreads(
                    config={"api_url": emulator.url, "access_token": TOKEN, **settings},
                    state=json.loads(json.dumps(self.state)),
                ).sync_all()
            except Killed:
                was_killed = True
        self.is_syncing = False
        self._load(pipe.getvalue(), was_killed=was_killed)
        self.story.append(f"     {'killed' if was_killed else 'done'}; state {self.state}")
        if (self.kept.get("full_listing_completed_at"), self.kept.get("listing")) != listed_at:
            self._note_listing(is_first=listed_at[0] is None)
        if was_killed:
            return
        self.is_listed = True
        if settings["refresh_open_calls"] == 10_000:
            self._note_refresh(watched, began)
        self._check(began)

    def _note_listing(self, *, is_first: bool) -> None:
        """After a full listing, each thread has to be known as it was when that began."""
        started = self.kept["full_listing_started_at"]
        if self.kept["listing"] != "done" or not started:
            return
        began = max((moment for time, moment in self.times if time < started), default=0)
        if self.account.offset_cursors and self.shifted_at >= began:
            return
        for past in self.past.values():
            if is_first and past.told_at is not None and past.told_at <= began:
                past.told_at = None  # the bookmark is later
            is_there = past.versions and past.versions[0][0] <= began
            if is_there and past.restored_at < began:
                past.told_at = max(began, past.told_at or 0)

    def _note_refresh(self, watched: set[str], began: int) -> None:
        """After a sync, each watched thread has to be known as it was when that began."""
        for thread_id in watched:
            past = self.past[int(thread_id)]
            past.told_at = max(began, past.told_at or 0)
            if past.deleted_at is not None and past.deleted_at <= began:
                assert thread_id in self.told_deleted, f"{thread_id} was not told deleted"

    def _load(self, text: str, *, was_killed: bool) -> None:
        """Load the messages as a target does; of a killed tap those up to the last STATE."""
        messages = [json.loads(line) for line in text.splitlines()]
        states = [place for place, message in enumerate(messages) if message["type"] == "STATE"]
        if was_killed and self.chance.random() < 0.8:
            messages = messages[: states[-1] + 1] if states else []
        for message in messages:
            if message["type"] == "STATE":
                self.state = message["value"]
            elif message["type"] == "RECORD" and message["stream"] == "threads":
                self.warehouse[message["record"]["id"]] = message["record"]
            elif message["type"] == "RECORD":
                thread_id = message["record"]["id"]
                self.told_deleted.append(thread_id)
                assert int(thread_id) not in self.account.threads, f"{thread_id} is not deleted"
        if self.kept:
            self.is_listed = self.kept.get("replication_key_value") is not None

    def _check(self, began: int) -> None:
        assert self.kept["failed"] == []
        assert self.kept["replication_key_value"] <= f"{self.time:%Y-%m-%dT%H:%M:%S.999Z}"
        for thread_id, past in self.past.items():
            told_at = past.told_at
            if thread_id not in self.account.threads or told_at is None or told_at > began:
                continue
            row = self.warehouse.get(str(thread_id))
            assert row, f"{thread_id} is missing, although it was there to see at {told_at}"
            assert past.could_be(row, told_at), f"{thread_id} is older than at {told_at}: {row}"


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_history(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each sync the warehouse has every thread as the tap last had to see it."""
    history = History(seed)
    set_machine(monkeypatch, page_size=history.chance.choice([2, 3, 7, 500]))
    set_machine(monkeypatch, state_interval=0)
    with Emulator(history.account, limit=RollingLimit(maximum=1_000_000)) as emulator:

        def meanwhile(_: str) -> None:
            if history.is_syncing and history.chance.random() < 0.2:
                history.happen()

        emulator.before_answer = meanwhile
        try:
            for _ in range(SYNCS):
                history.sync(emulator)
                for _ in range(history.chance.randrange(20)):
                    history.happen()
                history.time += timedelta(seconds=history.chance.choice([1, 60, 1_000, 4_000]))
        except Exception:
            history.story += emulator.requests[-60:]
            print("\n".join(history.story))  # noqa: T201 - shown for a failing seed
            raise


@pytest.mark.parametrize("how", ["auto", "by_id"])
def test_twenty_kills(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A first sync that is killed 20 times loses nothing, and reads little of it twice."""
    page, workers, kills = 20, 4, 20
    set_machine(monkeypatch, page_size=page)
    set_machine(monkeypatch, state_interval=0)
    chance = random.Random(kills)
    account = Account.sample(1_500)
    state: dict[str, Any] = {}
    loaded: set[str] = set()
    read = 0
    with Emulator(account, limit=RollingLimit(maximum=1_000_000)) as emulator:
        settings = {"thread_fetch": how, "max_concurrency": workers}
        config = {"api_url": emulator.url, "access_token": TOKEN, **settings}
        for messages in [*(chance.randrange(20, 120) for _ in range(kills)), float("inf")]:
            pipe = Pipe(messages)
            with redirect_stdout(pipe), suppress(Killed):
                TapHubSpotThreads(config=config, state=state).sync_all()
            lines = [json.loads(line) for line in pipe.getvalue().splitlines()]
            last = max((n for n, line in enumerate(lines) if line["type"] == "STATE"), default=-1)
            read += sum(line["type"] == "RECORD" for line in lines)
            for line in lines[: last + 1]:
                if line["type"] == "RECORD":
                    loaded.add(line["record"]["id"])
            state = lines[last]["value"] if last >= 0 else state
            account.message(chance.choice(list(account.threads.values())), sent=True)
    assert loaded == {str(thread_id) for thread_id in account.threads}
    changed = kills + 1
    assert read - len(account.threads) - changed <= kills * (page + LOOKAHEAD * workers)
