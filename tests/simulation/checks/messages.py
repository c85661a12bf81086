"""What has to hold of messages after each sync."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import IncompleteError
from tests.simulation.thread_history import text_of, time_of
from tests.simulation.warehouse import state_of

if TYPE_CHECKING:
    from datetime import datetime

    from tests.simulation.account import Life
    from tests.simulation.sync import Sync
    from tests.simulation.thread_history import ThreadHistory
    from tests.simulation.warehouse import Warehouse

_ASKED = re.compile(r"/threads/([0-9]+)/messages")


class MessageChecks:
    """Holds the messages of a warehouse against the life of an account.

    Args:
        life: What happened.
        warehouse: What is known of it.
    """

    def __init__(self, life: Life, warehouse: Warehouse) -> None:
        self._life, self._warehouse = life, warehouse

    def after(self, sync: Sync, lines: list[dict[str, Any]], requests: list[str]) -> None:
        """Hold it against it after a sync, however that ended.

        Args:
            sync: The one.
            lines: What it wrote.
            requests: What it asked.

        Raises:
            AssertionError: if a promise is broken.
        """
        asked = {match[1] for target in requests if (match := _ASKED.search(target))}
        if not sync.has_messages or sync.is_first:
            for past in self._life.past.values():
                past.messages_waived_at = self._life.moment
        if not sync.has_messages:
            assert not asked, "messages were read that are not selected"
            return
        self._check_values(sync, lines)
        self._note_lies(sync)
        if not (sync.end is None or isinstance(sync.end, IncompleteError)):
            return
        kept = self._kept
        is_whole = kept["replication_key_value"] == self._warehouse.kept["replication_key_value"]
        assert is_whole or sync.has_low_quota, "the backfill came to no end"
        if not sync.is_first:
            self._check_asked(sync, asked)
            self._note_reading(sync)
        self._check_all(sync, is_whole=is_whole)

    @property
    def _kept(self) -> dict[str, Any]:
        return state_of(self._warehouse.state, "messages")

    def _check_values(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """What goes out is what was there at some moment since the sync began."""
        for line in lines:
            if line["type"] == "RECORD" and line["stream"] == "messages":
                row = line["record"]
                messages = self._life.past[int(row["conversationsThreadId"])].messages.get(
                    row["id"]
                )
                assert messages, f"a message that was never there: {row}"
                assert messages.could_be(row, sync.began), f"a message of before the sync: {row}"

    def _note_lies(self, sync: Sync) -> None:
        """Of a thread that is denied in three syncs, nobody has to know messages.

        Nor if that ends between the answer on its messages and the one on the thread: it is taken
        for one whose messages are not shown.
        """
        past = self._life.past
        owed = {int(name) for name, syncs in sync.given_messages.get("failed", ()) if syncs >= 2}
        for lie in sync.outages():
            hit = past if lie.ids is None else lie.ids
            for thread_id in (
                hit
                if lie.ends >= sync.began_at and lie.ends <= sync.ended_at
                else owed.intersection(hit)
            ):
                past[thread_id].message_due_at = past[thread_id].messages_expected_since = None

    def _check_asked(self, sync: Sync, asked: set[str]) -> None:
        """No message call is paid for a thread that did not change."""
        is_set_back = any(
            behavior.dates != "all" for behavior in sync.behaviors
        )  # the bookmark, by an hour
        # Two listings may show two rows, by an index that is wrong, or by their looks.
        is_shown_otherwise = len(sync.behaviors) > 1 or sync.met(status_filter={"index"})
        if is_set_back or is_shown_otherwise:
            return
        before, after = _marks(sync.given), _marks(self._warehouse.kept)
        since = self._since(sync)
        owed = {
            *(name for key in ("failed", "not_found") for name, _ in sync.given.get(key, ())),
            *(name for name, _ in sync.given_messages.get("failed", ())),
        }
        began = self._life.earlier(sync.began, self._life.most_lag)
        for name in asked:
            thread = self._life.account.threads.get(int(name))
            if thread is None or name in owed or before.get(name) != after.get(name):
                continue
            latest, past = thread.latest_message_at, self._life.past[int(name)]
            has_news = latest is not None and (since is None or latest >= since)
            has_changed = past.versions[-1][0] > began
            assert has_news or has_changed, f"the messages of {name} were read, and had not changed"

    def _since(self, sync: Sync) -> datetime | None:
        """Return from when on threads are found by their messages; None: all are."""
        start = sync.settings.get("start_date")
        since = sync.given_messages["replication_key_value"] or start
        if since is None:
            return None
        moments = [time_of(since), time_of(sync.given["replication_key_value"])]
        return min(moments) - timedelta(seconds=sync.settings["lookback_seconds"])

    def _note_reading(self, sync: Sync) -> None:
        """After a sync that looked at them all, a watched thread's change has brought messages."""
        life = self._life
        began = life.earlier(sync.began, 0 if sync.is_by_id else life.most_lag)
        for thread_id in sync.tracked if sync.reads_all else ():
            past = life.past[thread_id]
            is_sure = (
                past.rolled_back_at < 0
                and past.hidden_until is None
                and not past.may_be_listed_open
            )
            if is_sure and past.versions[0][0] <= began:
                origin = past.origin_since(began)
                if origin > past.messages_waived_at:
                    past.messages_expected_since = max(origin, past.messages_expected_since or 0)

    def _check_all(self, sync: Sync, *, is_whole: bool) -> None:
        """The warehouse has each message that has to be there."""
        life, state = self._life, self._warehouse.state
        owed = {
            int(name)
            for kept, keys in (("threads", ("failed", "not_found")), ("messages", ("failed",)))
            for key in keys
            for name, _ in state_of(state, kept).get(key, ())
        }
        inbox_ids = {int(inbox) for inbox in sync.settings["inbox_ids"]}
        for thread_id, thread in life.account.threads.items():
            past = life.past[thread_id]
            since = self._due(sync, past, is_whole=is_whole)
            if since is None or since <= past.messages_checked_at or thread_id in owed:
                continue
            is_wanted = not inbox_ids or past.inboxes <= inbox_ids
            hides_archived = life.hides_archived or not sync.has_archived
            is_shown = not hides_archived or not (thread.archived or past.archived_at >= since)
            if is_wanted and is_shown and past.is_after(sync.settings.get("start_date"), since):
                self._check_thread(thread_id, past, since)
                past.messages_checked_at = since

    def _due(self, sync: Sync, past: ThreadHistory, *, is_whole: bool) -> int | None:
        """Return as of which moment the messages of a thread have to be there; None: of none."""
        moments = []
        is_ever_listed = self._life.lists_archived or past.archived_at < 0
        if is_ever_listed and past.message_due_at is not None and past.message_due_at <= sync.began:
            messages, lag = (
                self._life.time_of(past.message_due_at),
                self._life.account.behavior.lag_by_time,
            )
            is_listed = messages + timedelta(seconds=lag) < sync.began_at
            if is_listed and (is_whole or self._is_passed(sync, messages)):
                moments.append(past.message_due_at)
        if past.messages_expected_since is not None:
            moments.append(past.messages_expected_since)
        return max(moments, default=None)

    def _is_passed(self, sync: Sync, messages: datetime) -> bool:
        """Whether a sync has gone by a moment, in its increment or in its backfill."""
        text = text_of(messages)
        if not sync.is_first and text >= sync.given["replication_key_value"]:
            return True
        backfilled_threads, before = self._kept["replication_key_value"], sync.given_messages
        return text < (backfilled_threads or "") and backfilled_threads != before.get(
            "replication_key_value"
        )

    def _check_thread(self, thread_id: int, past: ThreadHistory, since: int) -> None:
        table = self._warehouse.tables["messages"]
        for messages in past.messages.values():
            if messages.moment <= since and not messages.is_archived:
                row = table.get(messages.id)
                what = f"message {messages.id} of {thread_id}"
                assert row, f"{what} is lost, although it was there to read at {since}"
                assert messages.could_be(row, since), f"{what} is staler than at {since}: {row}"


def _marks(kept: dict[str, Any]) -> dict[str, str]:
    """Return the marks of the open threads that a state knows, whether or not it doubts them."""
    pairs = (entry.split(":") for entry in kept["open_threads"])
    return {name: mark[0].lower() + mark[1:] for name, mark in pairs}
