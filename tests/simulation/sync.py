"""The facts about one sync of a history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import (
    DailyQuotaError,
    IncompleteError,
    MassDeletionError,
    WrongAccountError,
)
from tap_hubspot_threads.settings.settings import ThreadFilter
from tests.simulation.selections import OF_THREADS
from tests.simulation.warehouse import Killed, open_entries, state_of

if TYPE_CHECKING:
    from emulator.behavior import Outage
    from tests.simulation.account import Life

MASS_DELETION_MIN = 20
"""Minimum number of threads for the mass-deletion rule."""
UNREAD_ACTORS = re.compile(r"([0-9]+) actor\(s\)")
"""How an error names the actors that could not be read."""
ENOUGH_ATTEMPTS = 100
"""More attempts than any drawn series of faults lasts."""


def filters_of(settings: dict[str, Any]) -> ThreadFilter:
    """Return the filters of these settings."""
    return ThreadFilter(
        inbox_ids=tuple(sorted(map(str, settings.get("inbox_ids", ())))),
        include_archived=settings.get("include_archived", True),
        start_date=settings.get("start_date"),
    )


class Sync:
    """A sync, from its start to its end.

    Args:
        settings: Its settings.
        given: The state that it starts from.
        life: The account.
        streams: The selected streams.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        given: dict[str, Any],
        life: Life,
        *,
        streams: tuple[str, ...],
    ) -> None:
        self.settings, self._life, self.streams = settings, life, streams
        self.given = state_of(given)
        self.given_messages = state_of(given, "messages")
        self.began, self.began_at = life.moment, life.time
        self.ended_at = life.time
        self.tracked = {int(entry.partition(":")[0]) for entry in open_entries(self.given)}
        self.not_found = {int(thread_id) for thread_id, _ in self.given.get("not_found", [])}
        filters = filters_of(settings).as_text()
        self.is_first = (
            self.given.get("full_listing_completed_at") is None or self.given["filters"] != filters
        )
        """Whether it starts or resumes the first full listing with its filters."""
        self.has_faults = False
        self.is_refused = False
        """Whether requests for some threads are refused, which is not retried."""
        self.has_low_quota = False
        """Whether the daily quota is nearly exhausted."""
        self.end: BaseException | None = None
        """The error that ended it, or None if it completed."""
        self.has_expected_failure = False
        """Whether it reported an error only for items that can never be read."""
        self.behaviors = life.behaviors_met = [life.account.behavior]

    def note_end(self) -> None:
        """Record the end of the sync.

        Raises:
            AssertionError: if nothing explains the sync's error.
        """
        life = self._life
        self.ended_at = life.time
        if self._is_expected_failure():
            self.has_expected_failure, self.end = True, None
        if self.end is not None and not isinstance(self.end, Killed):
            assert self._is_excused(), f"the sync failed: {self.end!r}"

    def _is_excused(self) -> bool:
        """Whether HubSpot's behavior or a setting explains the error."""
        if isinstance(self.end, WrongAccountError):
            return False
        if self._unread_actors > len(self._life.account.poisoned_actors):
            return self.may_give_up
        if isinstance(self.end, DailyQuotaError):
            return self.has_low_quota
        if isinstance(self.end, MassDeletionError):
            return not self.is_confirmed and self._is_most()
        # A cursor can expire within one millisecond's rows, in a restarted listing, or for
        # messages. The last error, which is reported, may be another one.
        is_old = "messages of" in str(self.end) and any(
            behavior.cursor_minutes for behavior in self.behaviors
        )
        # Messages may return 404 as soon as their thread is archived.
        is_archived_meanwhile = "for a page after the first" in str(self.end)
        # Archived threads may be listed by time until HubSpot behaves otherwise.
        is_refused_meanwhile = (
            self.met(archived_by_time={"refused"})
            and len(self.behaviors) > 1
            and "archived cannot be combined" in str(self.end)
        )
        return (
            bool(self.outages())
            or self.may_give_up
            or self.is_refused
            or is_old
            or is_archived_meanwhile
            or is_refused_meanwhile
            or self._is_stuck_at_a_broken_row()
            or "UNPARSEABLE_TOKEN" in str(self.end)
        )

    def _is_stuck_at_a_broken_row(self) -> bool:
        """Whether a row cannot be listed, and no cursor can be made behind it."""
        has_keys = not (
            self.met(cursors={"key", "offset"})
            or self.met(made_cursors={"refused"})
            or self.given.get("listing_cursor")
        )
        return bool(self._life.account.broken_ids) and not has_keys

    def _is_expected_failure(self) -> bool:
        """Whether the sync completed, except for one actor or one thread's messages."""
        unread = str(self.end).removeprefix("Could not read ").partition(";")[0]
        has_actor = bool(self._life.account.poisoned_actors) and "actors" in self.streams
        has_thread = self._life.poisoned_id is not None and "messages" in self.streams
        expected = ["the messages of 1 thread(s)"] * has_thread + ["1 actor(s)"] * has_actor
        return isinstance(self.end, IncompleteError) and unread in {
            *expected,
            " and ".join(expected),
        }

    @property
    def _unread_actors(self) -> int:
        """The number of actors that it reports as not read."""
        found = UNREAD_ACTORS.search(str(self.end))
        return int(found[1]) if found else 0

    @property
    def may_give_up(self) -> bool:
        """Whether the sync may give up after transient failures."""
        return self.has_faults and self.settings["max_attempts"] < ENOUGH_ATTEMPTS

    def met(self, **values: set[str]) -> bool:
        """Whether a field of HubSpot's behavior had one of these values at any time."""
        return any(getattr(met, name) in values[name] for met in self.behaviors for name in values)

    @property
    def has_archived(self) -> bool:
        """Whether archived threads are in scope. If not, only a later full listing reads them."""
        return bool(self.settings.get("include_archived", True))

    @property
    def needs_threads(self) -> bool:
        """Whether a stream is selected that depends on changes of threads."""
        return bool(OF_THREADS & set(self.streams))

    @property
    def has_messages(self) -> bool:
        """Whether messages are selected."""
        return "messages" in self.streams

    @property
    def needs_backfill(self) -> bool:
        """Whether it starts or resumes a backfill of messages."""
        bookmark = self.given_messages.get("replication_key_value")
        is_caught_up = bookmark and bookmark == self.given["replication_key_value"]
        return self.has_messages and not is_caught_up

    @property
    def is_confirmed(self) -> bool:
        """Whether the account ID is confirmed."""
        return (
            self.reports_account_id and self.given.get("account_id") == self._life.account.portal_id
        )

    @property
    def reports_account_id(self) -> bool:
        """Whether HubSpot returned the account ID."""
        return not self.has_faults and all(
            behavior.account_info in {"number", "500 once"} for behavior in self.behaviors
        )

    def _is_most(self) -> bool:
        """Whether enough threads are or seem deleted for the mass-deletion rule."""
        known = self.not_found | {int(thread_id) for thread_id, _ in self.given.get("failed", ())}
        gone = self.not_found | {
            thread_id
            for thread_id, past in self._life.past.items()
            if past.deleted_at is not None
            and (thread_id in self.tracked | known or past.deleted_at >= self.began_at)
        }
        for lie in self.outages():
            gone.update(self._life.past if lie.ids is None else lie.ids)
        return len(gone) > MASS_DELETION_MIN // 2

    def outages(self) -> list[Outage]:
        """Return the outages during the sync."""
        outages = self._life.account.behavior.outages
        return [o for o in outages if o.begins <= self.ended_at and o.ends >= self.began_at]

    def deleted_threads(self) -> set[int]:
        """Return the tracked threads that were deleted before the sync started."""
        past = {thread_id: self._life.past[thread_id] for thread_id in self.tracked}
        return {
            thread_id
            for thread_id, thread in past.items()
            if thread.deleted_at is not None and thread.deleted_at <= self.began_at
        }

    @property
    def reads_all(self) -> bool:
        """Whether it completed, with enough API calls to read every open thread again."""
        return self.end is None and self.settings["open_threads_max_calls"] == 10_000

    @property
    def is_by_id(self) -> bool:
        """Whether it read every tracked thread by ID."""
        return self.reads_all and not self.is_first and self.settings["always_fetch_by_id"]

    @property
    def is_healthy(self) -> bool:
        """Whether HubSpot behaved as documented: account ID, dates and 404s. Nothing failed."""
        return (
            not self.outages()
            and self.reports_account_id
            and all(behavior.dates == "all" for behavior in self.behaviors)
        )
