"""What has to hold of actors, and of what is listed as a whole, after each sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.data.actors import is_gone
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of
from tests.simulation.selections import LISTS
from tests.simulation.warehouse import kept_in

if TYPE_CHECKING:
    from tests.simulation.account import Life
    from tests.simulation.sync import Sync

Row = dict[str, Any]


class ActorChecks:
    """Holds what a sync wrote against the actors that it names.

    Args:
        life: What happened.
    """

    def __init__(self, life: Life) -> None:
        self._life = life

    def after(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """Hold it against it after a sync, however that ended.

        Raises:
            AssertionError: if a promise is broken.
        """
        if "actors" in sync.streams and not sync.has_few_tries:
            self._check_actors(sync, lines)
        if sync.end is None and not sync.has_few_tries:
            self._check_lists(sync, lines)

    def _check_actors(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """Each actor that is named is out once the sync has ended, or a STATE covers its row."""
        out: set[str] = set()
        turns: dict[str, list[list[Row]]] = {}
        """Of each thread what went out in one go, each time: its row, its messages, or both."""
        kept, last = sync.given, ""
        for line in lines:
            stream, row = line.get("stream"), line.get("record")
            if line["type"] == "STATE":
                before, kept = kept, kept_in(line["value"])
                for thread_id in _settled(before, kept, turns):
                    self._check_out(turns[thread_id].pop(0), out)
            elif row is not None and stream == "actors":
                assert row["id"] not in out, f"actor {row['id']} went out twice"
                out.add(row["id"])
            elif row is not None and stream in {"threads", "messages"}:
                thread_id = row.get("conversationsThreadId", row["id"])
                of_thread = turns.setdefault(thread_id, [])
                if not of_thread or stream == "threads" or thread_id != last:
                    of_thread.append([])
                of_thread[-1].append(row)
                last = thread_id
        if sync.end is None:
            rows = [row for of_thread in turns.values() for turn in of_thread for row in turn]
            self._check_out(rows, out)
            named = {name for row in rows for name in names_in(row)}
            is_failed = bool(named & self._life.account.poisoned_actors)
            if is_failed and all(behavior.bad_actors == "400" for behavior in sync.behaviors):
                assert sync.is_marred, "an actor that could not be read is no error"

    def _check_out(self, rows: list[Row], out: set[str]) -> None:
        account = self._life.account
        excused = account.gone_actors | account.poisoned_actors
        for row in rows:
            for actor_id in names_in(row):
                is_there = actor_id in out | excused or is_gone(actor_id)
                assert is_there, f"actor {actor_id} of {row['id']} is not out, and was settled"

    def _check_lists(self, sync: Sync, lines: list[dict[str, Any]]) -> None:
        """What is listed as a whole is all there."""
        for stream, name in LISTS.items():
            if stream in sync.streams:
                out = {
                    line["record"]["id"]
                    for line in lines
                    if line["type"] == "RECORD" and line["stream"] == stream
                }
                there = {item["id"] for item in self._life.account.lists[name]}
                assert out == there, f"{stream} are not all there: {sorted(there - out)}"


def names_in(row: Row) -> set[str]:
    """Return the ids of the actors that a thread or a message names."""
    named = {row.get(name) for name in ("createdBy", "assignedTo", "assignedFrom")}
    for name in ("senders", "recipients"):
        named |= {item.get("actorId") for item in row.get(name) or ()}
    return {name for name in named if name}


def _settled(before: Row, after: Row, turns: dict[str, list[list[Row]]]) -> list[str]:
    """Return the threads whose first turn a STATE covers, and the one before did not."""
    since = before.get("replication_key_value")
    if not since:  # in a first listing threads are settled before their messages are read
        return []
    until = after.get("replication_key_value") or since
    new = set(after["open_threads"]) - set(before["open_threads"])
    settled = []
    for thread_id, of_thread in turns.items():
        row = of_thread[0][0] if of_thread else {}
        if "inboxId" in row:
            is_passed = since <= (row["latestMessageTimestamp"] or "") < until
            if is_passed or f"{thread_id}:{fingerprint_of(row)}" in new:
                settled.append(thread_id)
    return settled
