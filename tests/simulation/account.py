"""A simulated account: random changes on its own clock, and the history of each thread."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, get_args

from emulator.behavior import AnyNotFound, Behavior, GatewayNotFound, NotFound, Outage
from emulator.data.account import Account
from emulator.data.sample import AGENTS
from emulator.endpoints.threads import thread_payload
from tap_hubspot_threads.hubspot.json_to_row import RowCleaner
from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tests.simulation.actions import INBOXES, KINDS, KINDS_THAT_SHIFT, Actions
from tests.simulation.thread_history import ThreadHistory

if TYPE_CHECKING:
    import random

    from emulator.data.thread import Thread

CLEANER = RowCleaner(SCHEMAS.get_schema("threads"))
START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


class Life:
    """A simulated account with its clock and history.

    Args:
        chance: The source of randomness.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.log: list[str] = []
        self.moment = 0
        self.time = START
        self._times: list[datetime] = []
        self.past: dict[int, ThreadHistory] = {}
        self.most_lag = chance.choice((0, 0, 20, 60))
        self.may_shift = chance.random() < 0.5
        """Whether a cursor may be an offset. If so, rows that leave a listing shift the others."""
        self.shifts_by_moving = False
        """Whether a thread that moves to another inbox leaves the listing."""
        self.must_not_shift = False
        self.shifted_at = -1
        self.local_skew = timedelta(seconds=chance.choice((-600, 0, 600)))
        """How far the local clock is ahead of HubSpot's."""
        self.is_syncing = False
        """Whether a sync is running."""
        self.poisoned_id: int | None = None
        """The thread whose messages can never be read."""
        self.hides_archived = chance.random() < 0.2
        """Whether HubSpot may return no messages for an archived thread."""
        self.lists_archived = chance.random() < 0.7
        """Whether HubSpot lists archived threads by time, as documented."""
        self.account = Account([], clock=lambda: self.time)
        self.account.gone_actors.update(chance.sample(AGENTS, chance.choice((0, 0, 1))))
        self.account.poisoned_actors.update(chance.sample(AGENTS, chance.choice((0, 0, 0, 1))))
        self.has_late_mails = chance.random() < 0.3
        """Whether emails may arrive up to an hour late."""
        self._actions = Actions(
            chance, self.account, may_shift=self.may_shift, has_late_mails=self.has_late_mails
        )
        self.behaviors_met: list[Behavior] = []
        """The behaviors since the current sync started."""
        self.draw_behavior()
        for _ in range(chance.randrange(40)):
            self.happen("new")
            self.happen()
        self.pass_time(self.most_lag)

    # Time

    def pass_time(self, seconds: float) -> None:
        """Advance the clock."""
        self.time += timedelta(seconds=seconds)

    def clock(self) -> float:
        """Return monotonic seconds."""
        return (self.time - START).total_seconds()

    def moment_before(self, time: datetime) -> int:
        """Return the last moment that was certainly before a time, or 0 if there was none."""
        return bisect_left(self._times, time)

    def time_of(self, moment: int) -> datetime:
        """Return the time of a moment."""
        return self._times[moment - 1] if moment else START

    def earlier(self, moment: int, seconds: float) -> int:
        """Return the moment that many seconds before a moment."""
        if not seconds:
            return moment
        return self.moment_before(self.time_of(moment) - timedelta(seconds=seconds))

    # Behavior

    def draw_behavior(self, *, is_between: bool = True) -> None:
        """Change HubSpot's behavior.

        Args:
            is_between: Whether no sync is running. During a sync, an index does not jump back and
                forth, and an accepted page size is not refused.
        """
        before, behavior = self.account.behavior, Behavior.draw(self.chance)
        behavior.lag_by_time = min(behavior.lag_by_time, self.most_lag)
        behavior.lag_by_id = min(behavior.lag_by_id, self.most_lag)
        behavior.lag_by_status = min(behavior.lag_by_status, self.most_lag)
        if not is_between:
            behavior.lag_by_id, behavior.lag_by_time = before.lag_by_id, before.lag_by_time
            behavior.lag_by_status, behavior.max_limit = before.lag_by_status, before.max_limit
            behavior.max_messages, behavior.max_listed = before.max_messages, before.max_listed
        shifts, shifts_by_time = (self.may_shift and self.chance.random() < 0.6 for _ in range(2))
        behavior.cursors = "offset" if shifts else self.chance.choice(("id", "key"))
        behavior.cursors_by_time = "offset" if shifts_by_time else "key"
        behavior.outages = before.outages
        if self.lists_archived:
            behavior.archived_by_time = "works"
        if not self.hides_archived:
            behavior.messages_of_archived = "shown"
        if behavior.bad_actors == "500":  # a status 500 takes a hundred slow retries
            behavior.bad_actors = "400"
        self.account.behavior = behavior
        self.behaviors_met.append(behavior)
        self.log.append(f"     behavior {behavior}")

    def start_outage(self) -> datetime:
        """Start an outage, in which HubSpot answers 404 for some or all threads. Return its end."""
        chance = self.chance
        begins = self.time + timedelta(seconds=chance.choice((0, 0, 5, 60)))
        kind = chance.choice((NotFound, GatewayNotFound))
        answer: AnyNotFound = chance.choice(get_args(kind))
        longest = 599 if answer in get_args(NotFound) else 20_000
        ends = begins + timedelta(seconds=chance.choice((1, 30, longest)))
        known = list(self.account.threads)
        ids = None
        if known and chance.random() < 0.7:
            ids = tuple(chance.sample(known, chance.randrange(1, len(known) + 1)))
        self.account.behavior.outages = [Outage(begins, ends, ids, answer)]
        self.log.append(f"     outage {self.account.behavior.outages[0]}")
        return ends

    # Changes

    def happen(self, what: str | None = None, *, to: str = "") -> None:
        """Change a thread: this one if possible, or a random one.

        Args:
            what: The kind of change. By default, a random one.
            to: The thread's ID.
        """
        chance = self.chance
        self.time += timedelta(milliseconds=chance.choice((0, 0, 1, 20, 300)))
        what = what or chance.choice(KINDS + KINDS_THAT_SHIFT)
        does_shift = what in KINDS_THAT_SHIFT or (what == "move" and self.shifts_by_moving)
        if does_shift and self.may_shift and self.must_not_shift:
            return
        if what != "new" and not self.account.threads:
            return
        self.moment += 1
        self._times.append(self.time)
        if does_shift:
            self.shifted_at = self.moment
        if what == "new":
            thread = self.account.create(chance.choice(INBOXES))
            self.past[thread.id] = ThreadHistory()
            self.account.messages(thread)  # creates the first ones
        else:
            thread = self.account.threads[self._choose_thread(what, to)]
            self._change(what, thread, self.past[thread.id])
        self.log.append(f"{self.moment:4} {self.time:%d %H:%M:%S.%f} {what} {thread.id}")
        if thread.id in self.account.threads:
            past = self.past[thread.id]
            past.inboxes.add(thread.inbox_id)
            if thread.archived:
                past.archived_at = self.moment
            row = CLEANER.clean(thread_payload(thread, associations=["TICKET"], extra=None))
            past.note(self.moment, row)

    def _choose_thread(self, what: str, to: str) -> int:
        """Choose the thread to change: `to` if the change can apply to it, or a random one."""
        undo = self._actions.undo
        undone = [n for n in list(undo)[-4:] if n in self.account.threads]
        ids = undone if what == "undo" and undone else list(self.account.threads)
        if to and int(to) in (undo if what == "undo" else ids):
            ids = [int(to)] if int(to) in self.account.threads else ids
        return self.chance.choice(ids)

    def delete_many(self) -> None:
        """Delete many threads at once."""
        for _ in range(len(self.account.threads) * self.chance.randrange(1, 4) // 4):
            self.happen("delete")

    def _change(self, what: str, thread: Thread, past: ThreadHistory) -> None:
        if what in {"archive", "restore"}:
            if thread.archived != (what == "archive"):
                past.moved_at = self.moment
                if thread.archived or self.most_lag:
                    past.shifted_at = self.moment
            if thread.archived:
                past.archived_at = self.moment
            thread.archived = what == "archive"
            past.was_archived |= thread.archived
        elif what == "delete":
            self.account.delete(thread)
            past.deleted_at = self.time
        else:
            self._actions.do(what, thread, past, self.moment, is_quiet=not self.is_syncing)
