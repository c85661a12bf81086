"""Checks of actors and of the reference lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.data.actors import is_gone
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of
from tests.simulation.selections import LISTS
from tests.simulation.warehouse import open_entries, state_of

if TYPE_CHECKING:
    from tests.simulation.account import Life
    from tests.simulation.sync import Sync

Row = dict[str, Any]


class ActorChecks:
    """Compares a sync's output with the actors that it names.

    Args:
        life: The account.
    """

    def __init__(self, life: Life) -> None:
        self._life = life

    def after(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """Check a sync, however it ended.

        Raises:
            AssertionError: if a guarantee is broken.
        """
        if "actors" in sync.streams and not sync.may_give_up:
            self._check_actors(sync, lines)
        if sync.end is None and not sync.may_give_up:
            self._check_lists(sync, lines)

    def _check_actors(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """Each named actor is emitted before a STATE covers the row, and by the end of the sync."""
        emitted: set[str] = set()
        batches: dict[str, list[list[Row]]] = {}
        """The rows of each thread that are emitted together: its record, its messages, or both."""
        kept, last = sync.given, ""
        for line in lines:
            stream, row = line.get("stream"), line.get("record")
            if line["type"] == "STATE":
                before, kept = kept, state_of(line["value"])
                for thread_id in _covered(before, kept, batches):
                    self._check_emitted(batches[thread_id].pop(0), emitted)
            elif row is not None and stream == "actors":
                assert row["id"] not in emitted, f"actor {row['id']} was emitted twice"
                emitted.add(row["id"])
                last = ""  # messages of the same thread were read again
            elif row is not None and stream in {"threads", "messages"}:
                thread_id = row.get("conversationsThreadId", row["id"])
                if row.get("inboxId") and row["archived"] and not sync.has_archived:
                    continue  # only a full listing emits it, so no bookmark covers it
                of_thread = batches.setdefault(thread_id, [])
                if not of_thread or stream == "threads" or thread_id != last:
                    of_thread.append([])
                of_thread[-1].append(row)
                last = thread_id
        if sync.end is None:
            rows = [row for of_thread in batches.values() for batch in of_thread for row in batch]
            self._check_emitted(rows, emitted)
            named = {name for row in rows for name in names_in(row)}
            is_failed = bool(named & self._life.account.poisoned_actors)
            if is_failed and all(behavior.bad_actors == "400" for behavior in sync.behaviors):
                assert sync.has_expected_failure, "an actor that could not be read was not reported"

    def _check_emitted(self, rows: list[Row], emitted: set[str]) -> None:
        account = self._life.account
        excused = account.gone_actors | account.poisoned_actors
        for row in rows:
            for actor_id in names_in(row):
                is_done = actor_id in emitted | excused or is_gone(actor_id)
                assert is_done, f"actor {actor_id} of {row['id']} is not emitted, and was settled"

    def _check_lists(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """Each reference list is complete."""
        for stream, name in LISTS.items():
            if stream in sync.streams:
                emitted = {
                    line["record"]["id"]
                    for line in lines
                    if line["type"] == "RECORD" and line["stream"] == stream
                }
                expected = {item["id"] for item in self._life.account.lists[name]}
                assert emitted == expected, f"{stream} are incomplete: {sorted(expected - emitted)}"


def names_in(row: Row) -> set[str]:
    """Return the IDs of the actors that a thread or message names."""
    named = {row.get(name) for name in ("createdBy", "assignedTo", "assignedFrom")}
    for name in ("senders", "recipients"):
        named |= {item.get("actorId") for item in row.get(name) or ()}
    return {name for name in named if name}


def _covered(before: Row, after: Row, batches: dict[str, list[list[Row]]]) -> list[str]:
    """Return the threads whose first rows this STATE covers and the previous one did not.

    While a full listing is unfinished, a thread can come from the listing. The bookmark then says
    nothing about its row.
    """
    since = before.get("replication_key_value")
    if not since:  # a first sync settles threads before their messages are read
        return []
    until = after.get("replication_key_value") or since
    new = {*open_entries(after)} - {*open_entries(before)}
    failed = {thread_id for thread_id, _ in after.get("failed", ())}
    covered = []
    for thread_id, of_thread in batches.items():
        row = of_thread[0][0] if of_thread else {}
        if "inboxId" in row and thread_id not in failed:
            is_passed = since <= (row["latestMessageTimestamp"] or "") < until
            is_passed &= not after.get("listing_ranges")
            if is_passed or f"{thread_id}:{fingerprint_of(row)}" in new:
                covered.append(thread_id)
    return covered
