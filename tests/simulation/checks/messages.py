"""Checks of messages and of the requests for them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import IncompleteError
from tests.simulation.thread_history import text_of, time_of
from tests.simulation.warehouse import open_entries, state_of

if TYPE_CHECKING:
    from datetime import datetime

    from tests.simulation.account import Life
    from tests.simulation.sync import Sync
    from tests.simulation.thread_history import ThreadHistory
    from tests.simulation.warehouse import Warehouse

_MESSAGES_PATH = re.compile(r"/threads/([0-9]+)/messages")


class MessageChecks:
    """Compares a warehouse's messages with an account.

    Args:
        life: The account.
        warehouse: The loaded tables and state.
    """

    def __init__(self, life: Life, warehouse: Warehouse) -> None:
        self._life, self._warehouse = life, warehouse

    def after(self, sync: Sync, lines: list[dict[str, Any]], requests: list[str]) -> None:
        """Check a sync, however it ended.

        Args:
            sync: The sync.
            lines: The messages that it wrote.
            requests: The paths and queries that it requested.

        Raises:
            AssertionError: if a guarantee is broken.
        """
        requested = {match[1] for target in requests if (match := _MESSAGES_PATH.search(target))}
        if not sync.has_messages or sync.is_first:
            for past in self._life.past.values():
                past.messages_waived_at = self._life.moment
        if not sync.has_messages:
            assert not requested, "messages were read although they are not selected"
            return
        self._check_values(sync, lines)
        if sync.needs_backfill:
            self._check_backfill(sync, lines)
        self._note_outages(sync)
        if not (sync.end is None or isinstance(sync.end, IncompleteError)):
            return
        bookmark = self._state["replication_key_value"]
        is_caught_up = bookmark == self._warehouse.kept["replication_key_value"]
        assert is_caught_up or sync.has_low_quota, "the backfill did not end"
        if not sync.is_first:
            self._check_requested(sync, requested)
            self._note_reading(sync)
        self._check_all(sync, is_caught_up=is_caught_up)

    @property
    def _state(self) -> dict[str, Any]:
        """The state's bookmark of messages."""
        return state_of(self._warehouse.state, "messages")

    def _check_values(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """Each emitted message was valid at a moment since the sync started."""
        for line in lines:
            if line["type"] == "RECORD" and line["stream"] == "messages":
                row = line["record"]
                past = self._life.past[int(row["conversationsThreadId"])]
                message = past.messages.get(row["id"])
                assert message, f"a message that never existed was emitted: {row}"
                is_valid = message.could_be(row, sync.began)
                assert is_valid, f"a message was emitted as it was before the sync: {row}"

    def _check_backfill(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """The backfill, which comes last, reads no message after a STATE that says it has ended.

        If the sync were killed after that STATE, the next sync would not resume the backfill.
        """
        has_ended = False
        for line in lines:
            if line["type"] == "STATE":
                of_threads, of_messages = (
                    state_of(line["value"], name)["replication_key_value"]
                    for name in ("threads", "messages")
                )
                is_set_back = (of_threads or "") < (sync.given.get("replication_key_value") or "")
                has_ended = bool(of_messages) and of_messages == of_threads and not is_set_back
            elif line["type"] == "RECORD" and line["stream"] == "messages":
                message = f"message {line['record']['id']} is lost if the sync is killed before it"
                assert not has_ended, message

    def _note_outages(self, sync: Sync) -> None:
        """Excuse missing messages of threads that outages hid.

        The tap gives up on a thread whose messages returned a 404 in three syncs. If an outage ends
        between the 404 for the messages and the request for the thread, it assumes that HubSpot
        does not return the messages of that thread.
        """
        past = self._life.past
        pending = {int(name) for name, syncs in sync.given_messages.get("failed", ()) if syncs >= 2}
        for outage in sync.outages():
            hidden = past if outage.ids is None else outage.ids
            ends_in_sync = sync.began_at <= outage.ends <= sync.ended_at
            for thread_id in hidden if ends_in_sync else pending.intersection(hidden):
                past[thread_id].message_due_at = past[thread_id].messages_expected_since = None

    def _check_requested(self, sync: Sync, requested: set[str]) -> None:
        """The messages of a thread that did not change are not requested."""
        # Without HubSpot's clock, the bookmark is set back by an hour.
        is_set_back = any(behavior.dates != "all" for behavior in sync.behaviors)
        # A stale index or a new behavior can make a row differ between two listings.
        may_rows_differ = len(sync.behaviors) > 1 or sync.met(status_filter={"index"})
        if is_set_back or may_rows_differ:
            return
        before, after = _fingerprints(sync.given), _fingerprints(self._warehouse.kept)
        since = self._since(sync)
        pending = {
            *(name for key in ("failed", "not_found") for name, _ in sync.given.get(key, ())),
            *(name for name, _ in sync.given_messages.get("failed", ())),
        }
        began = self._life.earlier(sync.began, self._life.most_lag)
        # A few old rows do not show that HubSpot ignores the filter.
        lists_all_archived = sync.met(archived_by_time={"ignores the filter"})
        for name in requested:
            thread = self._life.account.threads.get(int(name))
            if thread is None or name in pending or before.get(name) != after.get(name):
                continue
            if thread.archived and lists_all_archived:
                continue
            latest, past = thread.latest_message_at, self._life.past[int(name)]
            has_new_message = latest is not None and (since is None or latest >= since)
            has_changed = past.versions[-1][0] > began
            is_needed = has_new_message or has_changed or _is_new(sync, name)
            assert is_needed, f"the messages of {name} were read although it did not change"

    def _since(self, sync: Sync) -> datetime | None:
        """Return the time since which a new message leads to reading a thread, or None for all."""
        start = sync.settings.get("start_date")
        since = sync.given_messages["replication_key_value"] or start
        if since is None:
            return None
        moments = [time_of(since), time_of(sync.given["replication_key_value"])]
        return min(moments) - timedelta(seconds=sync.settings["lookback_seconds"])

    def _note_reading(self, sync: Sync) -> None:
        """After a check of all open threads, changed ones must have led to reading messages."""
        life = self._life
        began = life.earlier(sync.began, 0 if sync.is_by_id else life.most_lag)
        for thread_id in sync.tracked if sync.reads_all else ():
            past = life.past[thread_id]
            must_be_seen = (
                past.rolled_back_at < 0
                and past.hidden_until is None
                and not past.may_be_listed_open
            )
            if must_be_seen and past.versions[0][0] <= began:
                origin = past.origin_since(began)
                if origin > past.messages_waived_at:
                    past.messages_expected_since = max(origin, past.messages_expected_since or 0)

    def _check_all(self, sync: Sync, *, is_caught_up: bool) -> None:
        """The warehouse has each message that the tap must have read."""
        life, state = self._life, self._warehouse.state
        pending = {
            int(name)
            for stream, keys in (("threads", ("failed", "not_found")), ("messages", ("failed",)))
            for key in keys
            for name, _ in state_of(state, stream).get(key, ())
        }
        inbox_ids = {int(inbox) for inbox in sync.settings["inbox_ids"]}
        for thread_id, thread in life.account.threads.items():
            past = life.past[thread_id]
            since = self._due(sync, past, is_caught_up=is_caught_up)
            if since is None or since <= past.messages_checked_at or thread_id in pending:
                continue
            is_in_scope = not inbox_ids or past.inboxes <= inbox_ids
            hides_archived = life.hides_archived or not sync.has_archived
            may_be_hidden = hides_archived and (thread.archived or past.archived_at >= since)
            is_after_start = past.is_after(sync.settings.get("start_date"), since)
            if is_in_scope and is_after_start and not may_be_hidden:
                self._check_thread(thread_id, past, since)
                past.messages_checked_at = since

    def _due(self, sync: Sync, past: ThreadHistory, *, is_caught_up: bool) -> int | None:
        """Return the moment since which messages must be known, or None if they need not be."""
        moments = []
        if past.message_due_at is not None and past.message_due_at <= sync.began:
            due_at = self._life.time_of(past.message_due_at)
            lag = timedelta(seconds=self._life.account.behavior.lag_by_time)
            is_by_time = self._life.lists_archived or past.archived_at < 0
            is_found = is_by_time or self._is_archived_found(sync, past, due_at)
            is_listed = is_found and due_at + lag < sync.began_at
            if is_listed and (is_caught_up or self._is_covered(sync, due_at)):
                moments.append(past.message_due_at)
        if past.messages_expected_since is not None:
            moments.append(past.messages_expected_since)
        return max(moments, default=None)

    def _is_archived_found(self, sync: Sync, past: ThreadHistory, due_at: datetime) -> bool:
        """Whether a sync has found a message of an archived thread, although no list is by time.

        The backfill lists the archived threads since the bookmark of messages by ID. If there is no
        backfill, a full listing reads the messages since the previous listing.
        """
        shown = self._life.earlier(sync.began, self._life.most_lag)
        if max(past.archived_at, past.message_due_at or 0) > shown:
            return False
        if sync.met(archived_by_time={"works"}):
            return False
        due = text_of(due_at)
        if sync.needs_backfill:
            return due >= (sync.given_messages.get("replication_key_value") or "")
        before = sync.given.get("full_listing_started_at")
        after = self._warehouse.kept.get("full_listing_started_at")
        if sync.is_first or not before or not after or after == before:
            return False
        return bool(before <= due and text_of(sync.began_at) <= after)

    def _is_covered(self, sync: Sync, time: datetime) -> bool:
        """Whether the increment or the backfill of a sync has read threads up to a time."""
        text = text_of(time)
        if not sync.is_first and text >= sync.given["replication_key_value"]:
            return True
        bookmark = self._state["replication_key_value"]
        has_moved = bookmark != sync.given_messages.get("replication_key_value")
        return text < (bookmark or "") and has_moved

    def _check_thread(self, thread_id: int, past: ThreadHistory, since: int) -> None:
        table = self._warehouse.tables["messages"]
        for message in past.messages.values():
            if message.moment <= since and not message.is_archived:
                row = table.get(message.id)
                name = f"message {message.id} of {thread_id}"
                assert row, f"{name} is lost, although it existed at {since}"
                assert message.could_be(row, since), f"{name} is outdated since {since}: {row}"


def _fingerprints(state: dict[str, Any]) -> dict[str, str]:
    """Return the fingerprints of the open threads in a state, exact or not."""
    pairs = (entry.split(":") for entry in open_entries(state))
    return {name: text[0].lower() + text[1:] for name, text in pairs}


def _is_new(sync: Sync, name: str) -> bool:
    """Whether a thread is read as a new one, whatever its times are."""
    newest = sync.given.get("newest_ids") or [["", "0"]]
    is_emitted = name in {thread_id for thread_id, _ in sync.given.get("recent_threads", ())}
    key = "replication_key_value"
    needs_backfill = sync.given_messages.get(key) != sync.given.get(key)
    return int(name) > int(newest[0][1]) and (needs_backfill or not is_emitted)
