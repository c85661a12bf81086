"""What is known of one sync of a history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import (
    DailyQuotaError,
    IncompleteError,
    MassDeletionError,
    WrongAccountError,
)
from tap_hubspot_threads.settings.settings import ThreadFilter
from tests.simulation.selections import OF_THREADS
from tests.simulation.warehouse import Killed, kept_in

if TYPE_CHECKING:
    from emulator.behavior import Outage
    from tests.simulation.account import Life

MASS_DELETION_MIN = 20
"""More than half of so many watched threads are not told deleted at once."""
SURE_ATTEMPTS = 100
"""So many tries no storm outlasts."""


def filters_of(settings: dict[str, Any]) -> ThreadFilter:
    """Return the filters that settings make."""
    return ThreadFilter(
        inbox_ids=tuple(sorted(map(str, settings.get("inbox_ids", ())))),
        include_archived=settings.get("include_archived", True),
        start_date=settings.get("start_date"),
    )


class Sync:
    """A sync, from its beginning to its end.

    Args:
        settings: Its settings.
        given: The state that it goes on from.
        life: The account's.
        streams: Those that are selected.
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
        self.given = kept_in(given)
        self.given_messages = kept_in(given, "messages")
        self.began, self.began_at = life.moment, life.time
        self.ended_at = life.time
        self.watched = {
            int(entry.partition(":")[0]) for entry in self.given.get("open_threads", [])
        }
        self.missed = {int(thread_id) for thread_id, _ in self.given.get("not_found", [])}
        wanted = filters_of(settings).fingerprint()
        self.is_first = (
            self.given.get("replication_key_value") is None or self.given["filters"] != wanted
        )
        """Whether it lists the account before anything else."""
        self.has_faults = False
        self.is_refused = False
        """Whether some threads are refused, which is not tried again."""
        self.is_short = False
        """Whether few of the day's calls are left."""
        self.end: BaseException | None = None
        """What ended it; None: it came to its end."""
        self.is_marred = False
        """Whether that was told as an error, for what never can be read."""
        self.behaviors = life.behaviors_met = [life.account.behavior]

    def note_end(self) -> None:
        """Note what was so until its end.

        Raises:
            AssertionError: if nothing accounts for an error.
        """
        life = self._life
        self.ended_at = life.time
        if self._is_of_poison():
            self.is_marred, self.end = True, None
        if self.end is not None and not isinstance(self.end, Killed):
            assert self._is_excused(), f"the sync failed: {self.end!r}"

    def _is_excused(self) -> bool:
        """Whether HubSpot, or a setting, gave reason for an error."""
        if isinstance(self.end, WrongAccountError):
            return False
        if isinstance(self.end, DailyQuotaError):
            return self.is_short
        if isinstance(self.end, MassDeletionError):
            return not self.is_confirmed and self._is_most()
        # A cursor within one millisecond, or in a restarted listing, or of messages, may grow too
        # old meanwhile; the last error, which is told, may be another one.
        is_old = "messages of" in str(self.end) and any(
            behavior.cursor_minutes for behavior in self.behaviors
        )
        # Messages may be a 404 from the moment on at which their thread is archived.
        is_archived_meanwhile = "for a page after others" in str(self.end)
        return (
            bool(self.lies())
            or self.has_few_tries
            or is_old
            or is_archived_meanwhile
            or "UNPARSEABLE_TOKEN" in str(self.end)
        )

    def _is_of_poison(self) -> bool:
        """Whether it came to its end, but for one actor, or the messages of one thread."""
        unread = str(self.end).removeprefix("Could not read ").partition(";")[0]
        has_actor = bool(self._life.account.poisoned_actors) and "actors" in self.streams
        has_thread = self._life.poisoned_id is not None and "messages" in self.streams
        words = ["the messages of 1 thread(s)"] * has_thread + ["1 actor(s)"] * has_actor
        return isinstance(self.end, IncompleteError) and unread in {*words, " and ".join(words)}

    @property
    def has_few_tries(self) -> bool:
        """Whether what failed in passing may be given up."""
        has_few = self.has_faults and self.settings["max_attempts"] < SURE_ATTEMPTS
        return has_few or self.is_refused

    def met(self, **values: set[str]) -> bool:
        """Whether a field of HubSpot's behavior had one of these values at any time of it."""
        return any(getattr(met, name) in values[name] for met in self.behaviors for name in values)

    @property
    def has_archived(self) -> bool:
        """Whether archived threads are wanted; if not, only a later full listing lists them."""
        return bool(self.settings.get("include_archived", True))

    @property
    def follows_threads(self) -> bool:
        """Whether there is a stream that follows what happens to threads."""
        return bool(OF_THREADS & set(self.streams))

    @property
    def has_messages(self) -> bool:
        """Whether messages are read."""
        return "messages" in self.streams

    @property
    def is_confirmed(self) -> bool:
        """Whether it is known to be the state's account."""
        return self.says_number and self.given.get("account_id") == self._life.account.portal_id

    @property
    def says_number(self) -> bool:
        """Whether HubSpot said which account it is."""
        return not self.has_faults and all(
            behavior.account_info in {"number", "500 once"} for behavior in self.behaviors
        )

    def _is_most(self) -> bool:
        """Whether so many were, or may have been taken for, dead that it looks like a purge."""
        known = self.missed | {int(thread_id) for thread_id, _ in self.given.get("failed", ())}
        gone = self.missed | {
            thread_id
            for thread_id, past in self._life.past.items()
            if past.deleted_at is not None
            and (thread_id in self.watched | known or past.deleted_at >= self.began_at)
        }
        for lie in self.lies():
            gone.update(self._life.past if lie.ids is None else lie.ids)
        return len(gone) > MASS_DELETION_MIN // 2

    def lies(self) -> list[Outage]:
        """Return what HubSpot denied meanwhile."""
        outages = self._life.account.behavior.outages
        return [o for o in outages if o.begins <= self.ended_at and o.ends >= self.began_at]

    def dead(self) -> set[int]:
        """Return the watched threads that were gone before it began."""
        past = {thread_id: self._life.past[thread_id] for thread_id in self.watched}
        return {
            thread_id
            for thread_id, thread in past.items()
            if thread.deleted_at is not None and thread.deleted_at <= self.began_at
        }

    @property
    def reads_all(self) -> bool:
        """Whether it came to its end, and had calls enough to read every open thread again."""
        return self.end is None and self.settings["open_threads_max_calls"] == 10_000

    @property
    def is_by_id(self) -> bool:
        """Whether it has read every watched thread by id."""
        return self.reads_all and not self.is_first and self.settings["always_fetch_by_id"]

    @property
    def is_calm(self) -> bool:
        """Whether HubSpot was as it says it is: the number, dates, 404s; nothing failed."""
        return (
            not self.lies()
            and self.says_number
            and all(behavior.dates == "all" for behavior in self.behaviors)
        )
