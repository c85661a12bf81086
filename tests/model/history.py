"""A history: an account in which things happen, and syncs of it, each held against it."""

from __future__ import annotations

import json
import random
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from emulator.account import HELP_DESK, Account, Thread
from emulator.faults import storm
from emulator.limits import RollingLimit
from emulator.service import TOKEN, Service
from tap_hubspot_threads.contract import HubSpotError, WrongAccountError
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.model.account import INBOXES, Life
from tests.model.checks import Checks
from tests.model.machine import in_silence, machine_for
from tests.model.sync import Sync
from tests.model.warehouse import Killed, Pipe, Warehouse, kept_in

if TYPE_CHECKING:
    from datetime import datetime

    import pytest


SYNCS = 8
SCHEDULES = ((1,), (300,), (86_400,), (1, 60, 1_000, 4_000), (1, 300, 4_000, 86_400))
"""Seconds between two syncs."""
OTHER_ACCOUNT = 4_711


class History:
    """A seed's history.

    Args:
        seed: The same one gives the same history.
        monkeypatch: Puts the tap on a machine without sockets, threads and time.
    """

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chance = random.Random(seed)
        self.life = Life(self.chance)
        self.story = self.life.story
        self.story.insert(0, f"seed {seed}")
        self.warehouse = Warehouse()
        self._checks = Checks(self.life, self.warehouse)
        self.service = self._service(self.life.account, self.chance.choice((0, 0, 0.1, 3)))
        self.service.before_answer = self._meanwhile
        self._reached = self.service
        self._schedule = self.chance.choice(SCHEDULES)
        self._busy = self.chance.choice((0.1, 0.3, 0.6))
        self._inbox_ids = self._draw_inboxes()
        self._has_begun = self._is_syncing = False
        self._lie_ends: datetime | None = None
        machine_for(self, monkeypatch)

    def _service(self, account: Account, latency: float) -> Service:
        limit = RollingLimit(maximum=1_000_000, daily=10**9, clock=self.life.clock)
        return Service(account, latency=latency, limit=limit)

    @property
    def reached(self) -> Service:
        """The account that a sync reaches."""
        return self._reached

    def run(self) -> None:
        """Let it happen.

        Raises:
            AssertionError: if a promise is broken.
        """
        for _ in range(SYNCS):
            if self.chance.random() < 0.06:
                self._sync_other_account()
            self._sync()
            self._go_on()

    def _go_on(self) -> None:
        """Let things happen between two syncs."""
        chance, life = self.chance, self.life
        life.must_not_shift = self._has_begun and not self.warehouse.kept.get(
            "replication_key_value"
        )
        for _ in range(chance.randrange(4)):
            life.happen("undo")  # a row that went out may be what was there before, and is no more
        for _ in range(chance.randrange(20)):
            life.happen()
        if chance.random() < 0.04:
            life.purge()
        if chance.random() < 0.2:
            life.draw_ways()
        if self._lie_ends is None and chance.random() < 0.3:
            self._lie_ends = life.lie()
        if chance.random() < 0.05:
            self._inbox_ids = self._draw_inboxes()
        life.pass_time(chance.choice(self._schedule))

    def _draw_inboxes(self) -> list[str]:
        count = self.chance.choice((0, 0, 0, 1, 2))
        return [str(inbox) for inbox in self.chance.sample(INBOXES, count)]

    def _draw_settings(self) -> dict[str, Any]:
        chance = self.chance
        return {
            "thread_fetch": chance.choice(["auto", "by_id"]),
            "inbox_ids": self._inbox_ids,
            "max_concurrency": chance.choice([1, 4]),
            "lookback_seconds": chance.choice([30, 300] if self.life.most_lag <= 20 else [90, 300]),
            "refresh_open_calls": chance.choice([10_000, 10_000, 4, 0]),
            "full_listing_hours": chance.choice([1, 1, 24]),
            "full_listing_calls": chance.choice([1, 3, 200]),
            "max_attempts": chance.choice([100, 100, 100, 2]),
        }

    def _meanwhile(self, _: str) -> None:
        if self._is_syncing:
            if self.chance.random() < self._busy:
                self.life.happen()
            if self.chance.random() < 0.01:
                self.life.draw_ways(is_between=False)

    # Syncs

    def _sync(self) -> None:
        """Sync, killed or not, and hold the warehouse against the account."""
        chance, life, warehouse = self.chance, self.life, self.warehouse
        self._take_older_state()
        warehouse.states.append(warehouse.state)
        settings = self._draw_settings()
        sync = Sync(settings, warehouse.state, life)
        life.must_not_shift, life.shifts_by_moving = sync.is_first, len(self._inbox_ids) == 1
        self._has_begun = True
        kill_after = chance.choice([float("inf")] * 4 + [chance.randrange(1, 30)] * 2 + [60])
        self.service.faults[:] = storm(chance, chance.choice([0, 0, 4]))
        sync.has_faults = bool(self.service.faults)
        self.story.append(f"     sync {settings}, to be killed after {kill_after} messages")
        self._is_syncing = True
        last_id = self._change_watched() if chance.random() < 0.1 else ""
        pipe = Pipe(kill_after, last_id=last_id)
        sync.end = self._run_tap(settings, warehouse.state, pipe)
        self._is_syncing = False
        sync.note_end()
        self.story.append(f"     {sync.end!r}")
        is_killed = isinstance(sync.end, Killed)
        is_last = is_killed and last_id in pipe.getvalue().rpartition("\n{")[2]
        deleted = warehouse.load(
            pipe.messages(), chance, is_cut=is_killed and not (last_id and is_last)
        )
        self.story.append(f"     deleted {deleted}; state {warehouse.state}")
        self._checks.after(sync, deleted)
        if is_killed and warehouse.rows and (last_id or chance.random() < 0.5):
            # The state may not know that this row went out: it takes the one before for known.
            life.happen("undo", to=warehouse.last_id)
        is_over = sync.reads_all and not sync.is_first
        if self._lie_ends is not None and is_over and sync.began_at > self._lie_ends:
            self._lie_ends = None

    def _change_watched(self) -> str:
        """Change a thread silently that the state knows as open, and return its id."""
        ids = sorted(self.warehouse.watched & set(map(str, self.life.account.threads)))
        last_id = self.chance.choice(ids) if ids else ""
        if last_id:
            self.life.happen(self.chance.choice(("assign", "spam")), to=last_id)
        return last_id

    def _take_older_state(self) -> None:
        """At times, go on from the state of an earlier sync, as if the last ones had saved none."""
        states = self.warehouse.states
        if states and self.chance.random() < 0.06:
            self.warehouse.state = self.chance.choice(states[-3:])
            self.story.append(f"     an older state: {self.warehouse.state}")
            for thread_id, past in self.life.past.items():
                past.missed_at = None
                if str(thread_id) in self.warehouse.watched:
                    past.loose_at = self.life.moment

    def _sync_other_account(self) -> None:
        """Sync with the token of another account; what comes of it is thrown away."""
        life, kept = self.life, self.warehouse.kept
        # Its ids are others: they are HubSpot's, not an account's.
        thread = Thread(10**11, HELP_DESK, 1, life.time, received_at=life.time)
        other = Account([thread], clock=lambda: life.time, ways=life.account.ways)
        other.portal_id = OTHER_ACCOUNT
        other.message(other.create(), sent=True)
        self._reached = self._service(other, 0)
        self.story.append("     sync of another account")
        settings = self._draw_settings()
        pipe = Pipe()
        end = self._run_tap(settings, self.warehouse.state, pipe)
        self._reached = self.service
        messages = pipe.messages()
        records = [message for message in messages if message["type"] == "RECORD"]
        deleted = [row for row in records if row["stream"] == "deleted_threads"]
        assert not deleted, f"told deleted by another account: {deleted}"
        states = [message["value"] for message in messages if message["type"] == "STATE"]
        says_number = life.account.ways.account_info in {"number", "500 once"}
        if says_number and kept.get("account"):
            assert isinstance(end, WrongAccountError), f"another account was read: {end!r}"
            assert not records
            assert all(kept_in(state) == kept for state in states)
        elif kept.get("open_threads") or kept.get("failed"):
            accounts = [kept_in(state).get("account") for state in states]
            assert OTHER_ACCOUNT not in accounts, "the number of another account was kept"

    def _run_tap(
        self, settings: dict[str, Any], state: dict[str, Any], pipe: Pipe
    ) -> BaseException | None:
        """Run a sync into a pipe; return how it ended."""
        del self._reached.requests[:], self._reached.arrivals[:]
        config = {"access_token": TOKEN, **settings}
        with redirect_stdout(pipe), in_silence():
            try:
                state = json.loads(json.dumps(state))
                TapHubSpotThreads(config=config, state=state).sync_all()
            except (HubSpotError, Killed) as end:
                return end
        return None
