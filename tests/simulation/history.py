"""A random history: an account that changes, and syncs that are each checked against it."""

from __future__ import annotations

import json
import random
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from emulator.endpoints.selection import select
from emulator.faults import Fault
from emulator.service import TOKEN
from tap_hubspot_threads.errors import HubSpotError, WrongAddressError
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.simulation.account import Life
from tests.simulation.checks.actors import ActorChecks
from tests.simulation.checks.messages import MessageChecks
from tests.simulation.checks.threads import Checks
from tests.simulation.faults import Troubles, service_of
from tests.simulation.large_account import check_large_listing
from tests.simulation.other_account import check_other, other_account
from tests.simulation.runtime import logging_disabled, machine_for
from tests.simulation.selections import ALL, Selections, catalog_of
from tests.simulation.settings import Settings
from tests.simulation.sync import Sync
from tests.simulation.warehouse import Killed, Pipe, Warehouse, state_of

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from emulator.service import Service

SYNCS = 8
SCHEDULES = ((1,), (300,), (86_400,), (1, 60, 1_000, 4_000), (1, 300, 4_000, 86_400))
"""Seconds between two syncs; each history draws one tuple."""

BY_ID = re.compile(r"/threads/([0-9]+)\?")


class History:
    """One history: an account, its syncs, and the checks after each of them.

    Args:
        seed: Determines the whole history.
        monkeypatch: Replaces the tap's sockets, threads and clocks.
    """

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        random.seed(seed)  # for the tap's jitter
        self.chance = random.Random(seed)
        self.life = Life(self.chance)
        self.log = self.life.log
        self.log.insert(0, f"seed {seed}")
        self.warehouse = Warehouse()
        self._checks = Checks(self.life, self.warehouse)
        self._message_checks = MessageChecks(self.life, self.warehouse)
        self._actor_checks = ActorChecks(self.life)
        self._selections = Selections(self.chance)
        latency = self.chance.choice((0, 0, 0.1, 3, 20))
        self.service = service_of(self.life.account, self.life, latency=latency)
        self.service.before_answer = self._change_during_request
        self.service.while_filling = self._change_during_request
        self._reached = self.service
        self._schedule = self.chance.choice(SCHEDULES)
        self._toggled_id = ""
        self._toggled_twice: set[str] = set()
        self._toggles_archived = self.chance.random() < 0.4
        """Whether a thread may be archived or restored between the two requests that look it up.
        If so, there are no outages. Together they could hide a thread in two syncs, and the tap
        would report it as deleted."""
        self._busy = self.chance.choice((0.1, 0.3, 0.6))
        self._settings = Settings(self.chance, self.life)
        self._troubles = Troubles(self.chance, self.life, self.service)
        self._has_synced = False
        self._outage_ends: datetime | None = None
        machine_for(self, monkeypatch)

    @property
    def reached(self) -> Service:
        """The account that the current sync connects to."""
        return self._reached

    def run(self) -> None:
        """Run the syncs and change the account between them.

        Raises:
            AssertionError: if a guarantee is broken.
        """
        if self.chance.random() < 0.2:
            check_large_listing(self.chance)
        for _ in range(SYNCS):
            if self.chance.random() < 0.06:
                self._sync_other_account()
            if self.chance.random() < 0.04:
                self._sync_wrong_path()
            self._sync()
            if self.chance.random() < 0.03:
                self._full_refresh()
            self._pass_time()
        self._sync(is_last=True)

    def _pass_time(self) -> None:
        """Change the account between two syncs, and advance the clock."""
        chance, life = self.chance, self.life
        life.must_not_shift = self._has_synced and not self.warehouse.kept.get(
            "full_listing_completed_at"
        )
        for _ in range(chance.randrange(4)):
            life.happen("undo")  # a thread may return to the row before its last record
        for _ in range(chance.randrange(20)):
            life.happen()
        if chance.random() < 0.04:
            life.delete_many()
        if chance.random() < 0.2:
            life.draw_behavior()
        if self._outage_ends is None and not self._toggles_archived and chance.random() < 0.4:
            self._outage_ends = life.start_outage()
        if chance.random() < 0.05:
            self._settings.change()
        self._troubles.refuse()
        life.pass_time(chance.choice(self._schedule))

    def _full_refresh(self) -> None:
        """Empty the tables and the state, so that the next sync is a full refresh."""
        self.log.append("     a full refresh")
        self.warehouse.empty()
        for past in self.life.past.values():
            past.forget()

    def _change_during_request(self, target: str) -> None:
        """At times, change the account while a sync sends a request."""
        if self.life.is_syncing:
            if self.chance.random() < self._busy:
                self.life.happen()
            if self.chance.random() < 0.01:
                self.life.draw_behavior(is_between=False)
            if "sort=latestMessageTimestamp" in target and "&after=" in target:
                self._move_first_to_end(target)
            if self._toggles_archived and (by_id := BY_ID.search(target)):
                self._toggle_archived(by_id[1])

    def _move_first_to_end(self, target: str) -> None:
        """At times, move the first thread of a listing to its end, so that an offset skips one."""
        threads = select(self.life.account, parse_qs(target.partition("?")[2]))
        if threads and self.chance.random() < 0.3:
            self.life.happen("message", to=str(threads[0].id))

    def _toggle_archived(self, thread_id: str) -> None:
        """At times, archive or restore a thread before it is read, and again before the next call.

        Both calls then return a 404. That happens once per thread at most: a thread that is not
        found in two syncs is reported as deleted.
        """
        is_second = self._toggled_id == thread_id
        self._toggled_id = ""
        if thread_id in self._toggled_twice:
            return
        if self.chance.random() < (0.5 if is_second else 0.06):
            thread = self.life.account.threads.get(int(thread_id))
            what = "restore" if thread and thread.archived else "archive"
            self.life.happen(what, to=thread_id)
            self._toggled_id = thread_id
            if is_second:
                self._toggled_twice.add(thread_id)

    # Syncs

    def _sync(self, *, is_last: bool = False) -> None:
        """Run a sync, which may be killed, and check the warehouse.

        The last sync is never killed: only a complete sync shows what earlier ones have lost.
        """
        chance, life, warehouse = self.chance, self.life, self.warehouse
        if not is_last:
            self._restore_older_state()
        warehouse.states.append(warehouse.state)
        settings, streams = self._settings.draw(), self._selections.draw()
        if is_last and state_of(warehouse.state, "messages").get("replication_key_value"):
            streams = ALL
        is_full = "threads" in streams and chance.random() < 0.02
        sync = Sync(settings, {} if is_full else warehouse.state, life, streams=streams)
        life.must_not_shift, life.shifts_by_moving = sync.is_first, len(settings["inbox_ids"]) == 1
        self._has_synced = True
        late = chance.randrange(30, 120) if sync.has_messages else 60
        early = [chance.randrange(1, 15), chance.randrange(1, 15), chance.randrange(1, 40)]
        kill_after = chance.choice([*[float("inf")] * 3, *early, late])
        if is_last:
            kill_after = float("inf")
            self._troubles.end(sync)
        else:
            self._troubles.draw_faults(sync)
        self.log.append(
            f"     sync of {streams}{' FULL_TABLE' * is_full}{' low quota' * sync.has_low_quota}, "
            f"{settings}, killed after {kill_after} messages"
        )
        last_id = self._change_tracked() if not is_last and chance.random() < 0.35 else ""
        more = chance.choice([0, 0, 1, 2]) if sync.has_messages else 0
        pipe = Pipe(kill_after, last_id=last_id, more=more)
        catalog = catalog_of(streams, is_full=is_full)
        life.is_syncing = True
        sync.end = self._run_tap(settings, warehouse.state, pipe, catalog)
        life.is_syncing = False
        sync.note_end()
        self.log.append(
            f"     {sync.end!r}{', except what can never be read' * sync.has_expected_failure}"
        )
        self._load(sync, pipe, last_id)
        has_checked_all = sync.reads_all and not sync.is_first and sync.needs_threads
        if self._outage_ends is not None and has_checked_all and sync.began_at > self._outage_ends:
            self._outage_ends = None

    def _load(self, sync: Sync, pipe: Pipe, last_id: str) -> None:
        """Load the output of a sync, and check the warehouse against the account."""
        chance, life, warehouse = self.chance, self.life, self.warehouse
        is_killed = isinstance(sync.end, Killed)
        ends_with_last_id = is_killed and last_id in pipe.getvalue().rpartition("\n{")[2]
        lines = pipe.messages()
        deleted = warehouse.load(
            lines, chance, is_cut=is_killed and not (last_id and ends_with_last_id)
        )
        self.log.append(f"     deleted {deleted}; state {warehouse.state}")
        self._actor_checks.after(sync, lines)
        if not sync.needs_threads:
            assert state_of(warehouse.state) == sync.given, "a sync of lists changed the state"
            return
        if "deleted_threads" not in sync.streams:
            warehouse.deleted += map(str, life.past.keys() - life.account.threads.keys())
        self._checks.after(sync, deleted)
        self._message_checks.after(sync, lines, self.service.requests)
        is_undone = chance.random() < (0.5 if sync.has_messages or not last_id else 1)
        if is_killed and warehouse.rows and is_undone:
            # The state may still have the fingerprint of the row before this record.
            life.happen("undo", to=warehouse.last_id)

    def _change_tracked(self) -> str:
        """Make a silent change to a tracked thread. Return its ID, or an empty string if none."""
        ids = sorted(self.warehouse.tracked & set(map(str, self.life.account.threads)))
        last_id = self.chance.choice(ids) if ids else ""
        if last_id:
            self.life.happen(self.chance.choice(("assign", "assign", "assign", "spam")), to=last_id)
        return last_id

    def _restore_older_state(self) -> None:
        """At times, restore an earlier state, as if the latest syncs had saved none."""
        states = self.warehouse.states
        if states and self.chance.random() < 0.06:
            failed = {int(thread_id) for thread_id, _ in self.warehouse.kept.get("failed", ())}
            self.warehouse.state = self.chance.choice(states[-3:])
            self.log.append(f"     restored an older state: {self.warehouse.state}")
            for thread_id, past in self.life.past.items():
                past.first_missed_at = None
                if thread_id in failed:  # only the lost state listed it as failed
                    past.expected_since = None
                if str(thread_id) in self.warehouse.tracked:
                    past.rolled_back_at = self.life.moment

    def _sync_other_account(self) -> None:
        """Run a sync with another account's token, and discard its output."""
        self._reached = other_account(self.life)
        self.log.append("     sync of another account")
        settings, pipe = self._settings.draw(), Pipe()
        catalog = catalog_of(self._selections.draw(), is_full=False)
        end = self._run_tap(settings, self.warehouse.state, pipe, catalog)
        self._reached = self.service
        check_other(self.life, self.warehouse.kept, pipe.messages(), end)

    def _sync_wrong_path(self) -> None:
        """Run a sync in which every conversations path returns a 404, with HubSpot's mark or not.

        Raises:
            AssertionError: if the sync does not end with a `WrongAddressError`.
        """
        headers = self.chance.choice(({}, {"X-HubSpot-NotFound": "true"}))
        fault = Fault(path="/conversations/", status=404, headers=headers, times=10**9)
        faults, self.service.faults[:] = list(self.service.faults), [fault]
        self.service.limit.daily, self.service.limit.used_today = 10**9, 0
        self.log.append(f"     sync at a wrong path, {headers}")
        known = [str(thread_id) for thread_id in self.life.account.threads][:3]
        settings = self._settings.draw() | {"thread_ids": [*known, "17"]}
        end = self._run_tap(settings, {}, Pipe(), None)
        self.service.faults[:] = faults
        assert isinstance(end, WrongAddressError), f"a wrong path was not detected: {end!r}"

    def _run_tap(
        self,
        settings: dict[str, Any],
        state: dict[str, Any],
        pipe: Pipe,
        catalog: dict[str, Any] | None,
    ) -> BaseException | None:
        """Run a sync that writes to a pipe. Return the error that ended it, if any."""
        del self._reached.requests[:], self._reached.arrivals[:]
        config = {"access_token": TOKEN, **settings}
        with redirect_stdout(pipe), logging_disabled():
            try:
                state = json.loads(json.dumps(state))
                TapHubSpotThreads(config=config, state=state, catalog=catalog).sync_all()
            except (HubSpotError, Killed) as end:
                return end
        return None
