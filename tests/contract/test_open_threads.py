"""Silent changes: the open-thread check, full listings and deleted threads."""

from __future__ import annotations

import json
import logging
import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.data.sample import AGENTS
from emulator.data.thread import CHAT, HELP_DESK, SALES, Thread
from tap_hubspot_threads.errors import (
    HubSpotError,
    IncompleteError,
    MassDeletionError,
    StateError,
    WrongAccountError,
)
from tests.conftest import Lab, Life, ids, open_lab, select, set_runtime
from tests.simulation.warehouse import open_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_FOUND = {"X-HubSpot-NotFound": "true"}
BY_ID = r"/threads/\d+"
FULL_LIST = r"sort=id(?!.*threadStatus)"


@pytest.fixture
def life() -> Iterator[Life]:
    """A small account, synced an hour ago."""
    with open_lab() as lab:
        life = Life(lab)
        life.sync()
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        yield life


def open_threads(lab: Lab) -> list[Thread]:
    """Return the account's open live threads."""
    return [t for t in lab.threads if not t.closed_at and not t.archived]


def change_silently(rng: random.Random, account: Account, thread: Thread) -> None:
    """Make a random silent change to a thread."""
    change = rng.choice(["close", "reopen", "assign", "spam", "move", "archive", "restore"])
    if change in {"close", "reopen"}:
        thread.closed_at = account.now() if change == "close" else None
    elif change == "assign":
        thread.assigned_to = rng.choice([None, *AGENTS])
    elif change == "spam":
        thread.spam = not thread.spam
    elif change == "move":
        thread.inbox_id = rng.choice([HELP_DESK, SALES, CHAT])
    else:
        thread.archived = change == "archive"


def delete_when_read(lab: Lab, thread: Thread) -> None:
    """Delete a thread when it is requested by ID."""

    def delete(target: str) -> None:
        if f"/threads/{thread.id}" in target:
            lab.account.threads.pop(thread.id, None)

    lab.emulator.before_answer = delete


@pytest.mark.parametrize(("status_filter", "calls"), [("works", 1 + 2), ("ignored", 1 + 1 + 2)])
def test_quiet_account(life: Life, status_filter: Any, calls: int) -> None:
    """Unchanged open threads are checked in few API calls and not emitted."""
    life.lab.account.behavior.status_filter = status_filter
    output = life.sync()
    assert output.ids == []
    assert life.lab.calls(BY_ID) == []
    # One call for new threads and one or more for open ones, after three calls by time.
    assert len(life.lab.calls("sort=id")) == calls
    assert len(life.lab.calls()) == calls + 3


@pytest.mark.parametrize(
    ("status_filter", "calls", "logged"),
    [
        ("works", 500, "1183 listed in 5 API calls, 0 read by ID"),
        ("ignored", 500, r"1183 listed in \d+ API calls, 0 read by ID"),
        ("ignored", 10, "0 listed in 1 API calls, 8 read by ID"),
    ],
)
def test_log_line(
    caplog: pytest.LogCaptureFixture, status_filter: Any, calls: int, logged: str
) -> None:
    """The log names how the open threads were read: by the filter, full list, or neither."""
    caplog.set_level(logging.INFO)
    with open_lab(Account.sample(3000)) as lab:
        lab.account.behavior.status_filter = status_filter
        life = Life(lab, open_threads_max_calls=calls)
        life.sync()
        life.pass_time(minutes=15)
        life.sync()
    assert re.search(f"Open threads: 1183 known; {logged}", "\n".join(caplog.messages))


def test_silent_changes_of_open_threads(life: Life) -> None:
    """Silent changes of open threads are emitted by the next sync."""
    closed, assigned, moved, archived, spam = changed = open_threads(life.lab)[:5]
    closed.closed_at = life.now
    assigned.assigned_to = "A-5"
    moved.inbox_id = SALES if moved.inbox_id != SALES else CHAT
    archived.archived = True
    spam.spam = not spam.spam
    records = {record["id"]: record for record in life.sync().records()}
    assert sorted(records) == sorted(ids(changed))
    assert records[str(closed.id)]["status"] == "CLOSED"
    assert records[str(assigned.id)]["assignedTo"] == "A-5"
    assert records[str(archived.id)]["archived"] is True


def test_closed_threads_are_not_checked(life: Life) -> None:
    """A closed thread is no longer checked; one that is open after a new message is."""
    for thread in life.lab.threads:
        thread.closed_at = life.now
    life.sync()
    life.lab.emulator.requests.clear()
    life.sync()
    assert life.lab.calls(BY_ID) == []
    (reopened,) = life.threads(1)
    life.sync()
    life.pass_time(hours=1)
    life.lab.emulator.requests.clear()
    life.sync()
    assert len(life.lab.calls(f"/threads/{reopened.id}")) == 1


def test_changed_threads_are_read_once(life: Life) -> None:
    """An open thread with a new message is read once per sync and not overwritten by a list."""
    first, second, third, *_ = open_threads(life.lab)
    life.lab.account.message(first, sent=True)
    life.lab.account.message(second, sent=True)
    assert sorted(life.sync().ids) == sorted(ids([first, second]))
    for thread, calls in ((first, 1), (second, 1), (third, 0)):
        assert len(life.lab.calls(f"/threads/{thread.id}")) == calls


def test_least_recently_read_first(life: Life) -> None:
    """With few calls per sync, every open thread gets its turn, within the call limit."""
    waiting = {str(t.id) for t in life.lab.threads if not t.closed_at}
    for _ in range(-(-len(waiting) // 6)):
        life.lab.emulator.requests.clear()
        life.sync(open_threads_max_calls=7, always_fetch_by_id=True)
        read = [call.rpartition("/")[2].partition("?")[0] for call in life.lab.calls(BY_ID)]
        assert len(read) <= 7
        waiting -= set(read)
    assert waiting == set()


def test_check_disabled(life: Life) -> None:
    """With `open_threads_max_calls: 0`, no open thread is checked or kept in the state."""
    life.sync(open_threads_max_calls=0)
    assert life.lab.calls(BY_ID) == []
    life.state = {}
    life.sync(open_threads_max_calls=0)
    assert life.threads_state["open_threads"] == []


def test_killed_between_record_and_state(life: Life) -> None:
    """If a change is emitted but not saved, and is then undone, the thread is emitted again."""
    before = life.state
    thread = open_threads(life.lab)[-1]
    thread.spam = not thread.spam
    messages = life.sync().messages
    (place,) = [n for n, message in enumerate(messages) if message["type"] == "RECORD"]
    states = [message["value"] for message in messages[:place] if message["type"] == "STATE"]
    assert states[-1] != before
    life.state = states[-1]
    thread.spam = not thread.spam
    assert str(thread.id) in life.sync().ids
    assert life.sync().ids == []


def test_moved_out_of_the_inboxes(life: Life) -> None:
    """An open thread moved out of `inbox_ids` is emitted one last time and no longer checked."""
    life.settings = {"inbox_ids": [HELP_DESK, CHAT]}
    life.sync()
    thread = next(t for t in open_threads(life.lab) if t.inbox_id == CHAT)
    thread.inbox_id = SALES
    assert life.sync().ids == ids([thread])
    life.lab.emulator.requests.clear()
    life.sync()
    assert life.lab.calls(f"/threads/{thread.id}") == []


def test_archived_out_of_the_filters(life: Life) -> None:
    """With `include_archived: false`, an archived open thread is emitted one last time."""
    life.settings = {"include_archived": False}
    life.sync()
    thread = open_threads(life.lab)[-1]
    thread.archived = True
    assert [record["archived"] for record in life.sync().records()] == [True]
    life.lab.emulator.requests.clear()
    thread.spam = not thread.spam
    assert life.sync().ids == []
    life.lab.account.delete(thread)
    life.pass_time(minutes=20)
    assert life.sync().records("deleted_threads") == []
    assert life.lab.calls(f"/threads/{thread.id}") == []


def test_closed_and_archived_out_of_the_filters(life: Life) -> None:
    """With `include_archived: false`, the full listing emits a closed thread that was archived."""
    life.settings = {"include_archived": False}
    assert life.sync().ids == life.lab.live_ids
    closed = [t for t in life.lab.threads if t.closed_at and not t.archived][-1]
    closed.archived = True
    assert life.sync().ids == []
    life.pass_time(hours=25)
    records = {record["id"]: record for record in life.sync().records()}
    assert records[str(closed.id)]["archived"] is True
    assert list(records) == life.lab.ids
    life.lab.emulator.requests.clear()
    life.sync()
    assert not life.lab.calls("archived=true")


def test_closed_and_moved_out_of_the_filters(life: Life) -> None:
    """A closed thread moved out of `inbox_ids` is not emitted, so its row stays as it is."""
    life.settings = {"inbox_ids": [HELP_DESK, CHAT]}
    life.sync()
    closed = next(t for t in life.lab.threads if t.closed_at and t.inbox_id == CHAT)
    closed.inbox_id = SALES
    life.pass_time(hours=25)
    assert str(closed.id) not in life.sync().ids


def test_full_listing(life: Life) -> None:
    """Once per day all threads are listed and emitted."""
    life.lab.account.behavior.status_filter = "works"
    closed = next(t for t in life.lab.threads if t.closed_at and not t.archived)
    closed.assigned_to = "A-5"
    silent = life.lab.account.create()
    assert life.sync().ids == ids([silent])
    life.pass_time(hours=23)
    records = {record["id"]: record for record in life.sync().records()}
    assert sorted(records) == sorted(life.lab.ids)
    assert records[str(closed.id)]["assignedTo"] == "A-5"
    life.pass_time(hours=22)
    silent.spam = True
    life.lab.emulator.requests.clear()
    assert life.sync().ids == ids([silent])
    assert len(life.lab.calls(FULL_LIST)) == 1  # new threads


def slow_lists(lab: Lab, life: Life, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each page of a list by ID take some time by the tap's and by HubSpot's clock."""
    passed = [0.0]

    def take(target: str) -> None:
        if "sort=id" in target and "threadStatus" not in target:
            passed[0] += seconds

    lab.emulator.before_answer = take
    set_runtime(monkeypatch, page_size=10, clock=lambda: passed[0])
    life.settings |= {"open_threads_max_calls": 0, "max_concurrency": 1}


def test_full_listing_over_several_syncs(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full listing takes two minutes per sync, resumes in the next sync, and saves its end."""
    slow_lists(life.lab, life, 50, monkeypatch)
    life.pass_time(hours=23, minutes=50)
    life.sync()
    first = life.threads_state["full_listing_completed_at"]
    found: list[str] = []
    life.pass_time(minutes=10)
    syncs = 0
    while life.threads_state["full_listing_completed_at"] == first:
        life.lab.emulator.requests.clear()
        found += life.sync().ids
        assert 1 <= len(life.lab.calls(FULL_LIST)) <= 1 + 3  # new threads, then three pages
        life.pass_time(minutes=10)
        syncs += 1
    assert syncs >= 3
    assert sorted(found) == sorted(life.lab.ids)
    life.lab.emulator.requests.clear()
    life.sync()
    assert len(life.lab.calls(FULL_LIST)) == 1


def test_full_listing_takes_a_fifth_of_the_interval(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If syncs are rare, a full listing takes up to 20% of the time between two."""
    slow_lists(life.lab, life, 50, monkeypatch)
    life.pass_time(hours=24)
    assert sorted(life.sync().ids) == sorted(life.lab.ids)


def test_full_listing_with_a_refused_cursor(
    life: Life, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If HubSpot refuses the cursor of a full listing, it starts over, with a warning."""
    life.lab.account.behavior.cursors = "key"
    slow_lists(life.lab, life, 50, monkeypatch)
    life.pass_time(hours=24)
    life.threads_state["sync_started_at"] = None
    life.sync()
    life.threads_state["listing_cursor"] = "too old"
    life.pass_time(hours=1)
    assert sorted(life.sync().ids) == sorted(life.lab.ids)
    assert "HubSpot refused a cursor" in caplog.text


def test_full_listing_by_id(life: Life) -> None:
    """With `always_fetch_by_id`, a full listing reads each thread by ID."""
    life.pass_time(hours=24)
    life.sync(always_fetch_by_id=True)
    assert len(life.lab.calls(BY_ID)) >= len(life.lab.threads)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_stale(seed: int) -> None:
    """After silent changes no open thread is stale, and after a full listing no thread is."""
    rng = random.Random(seed)
    with open_lab(Account.sample(400, seed=seed)) as lab:
        life = Life(lab, open_threads_max_calls=10_000)
        warehouse: dict[str, dict[str, Any]] = {}
        for turn in range(4):
            if turn:
                for thread in rng.sample(list(lab.account.threads.values()), 300):
                    change_silently(rng, lab.account, thread)
            life.pass_time(hours=24 if turn == 3 else 1)
            tracked = (
                {entry.partition(":")[0] for entry in open_entries(life.threads_state)}
                if turn
                else {}
            )
            for record in life.sync().records():
                warehouse[record["id"]] = record
            lab_rows = {r["id"]: r for r in lab.sync().records()}
            is_complete = turn in {0, 3}
            stale = [
                thread_id
                for thread_id, row in lab_rows.items()
                if (is_complete or thread_id in tracked) and warehouse[thread_id] != row
            ]
            assert stale == []


def test_deleted(life: Life) -> None:
    """A deleted open thread is emitted once, at the second check, with HubSpot's time."""
    deleted = open_threads(life.lab)[2]
    life.lab.account.delete(deleted)
    assert life.sync().records("deleted_threads") == []
    life.pass_time(minutes=10)
    output = life.sync()
    row = {"id": str(deleted.id), "detectedAt": "2026-11-20T13:10:00.000Z"}
    assert output.records("deleted_threads") == [row]
    assert output.ids == []
    assert life.sync().records("deleted_threads") == []


@pytest.mark.parametrize("minutes", [0, 1, 9])
def test_checks_too_close(life: Life, minutes: int) -> None:
    """Checks within 10 minutes never mark a thread as deleted, however many there are."""
    deleted = open_threads(life.lab)[2]
    life.lab.account.delete(deleted)
    life.sync()
    for _ in range(3):
        assert life.sync().records("deleted_threads") == []
    life.pass_time(minutes=minutes)
    assert life.sync().records("deleted_threads") == []
    life.pass_time(minutes=10 - minutes)
    assert [row["id"] for row in life.sync().records("deleted_threads")] == ids([deleted])


def deleted_ids(life: Life, **settings: Any) -> list[str]:
    """Sync twice, 10 minutes apart; return the IDs of the threads emitted as deleted."""
    life.sync(**settings)
    found = [row["id"] for row in life.last.records("deleted_threads")]
    life.pass_time(minutes=10)
    life.sync(**settings)
    return found + [row["id"] for row in life.last.records("deleted_threads")]


@pytest.mark.parametrize("body", ["<html>", ""])
def test_404_that_is_not_hubspots_own(life: Life, body: str) -> None:
    """A 404 that is not HubSpot's own fails that thread and does not count as a check."""
    first, second = open_threads(life.lab)[:2]
    for thread in (first, second):
        life.lab.account.message(thread, sent=True)
        life.lab.script(path=f"/threads/{thread.id}", status=404, body=body, times=100)
    for _ in range(2):
        with pytest.raises(IncompleteError, match=r"2 thread.*404.*api_url and api_version"):
            life.sync()
        assert life.last.records("deleted_threads") == []
        assert life.threads_state["not_found"] == []
        life.pass_time(minutes=20)
    life.lab.emulator.faults.clear()
    assert life.sync().ids == ids([first, second])


def test_thread_found_again(life: Life) -> None:
    """A thread that is not found once and then found is emitted in `threads` only."""
    thread = open_threads(life.lab)[0]
    life.lab.account.message(thread, sent=True)
    life.lab.script(path=f"/threads/{thread.id}", status=404, headers=NOT_FOUND, times=2)
    assert life.sync().ids == []
    life.pass_time(minutes=20)
    assert life.sync().ids == ids([thread])
    assert life.last.records("deleted_threads") == []
    assert life.threads_state["not_found"] == []


def test_archived_then_deleted(life: Life) -> None:
    """An open thread is emitted when it is archived, and as deleted when it is deleted."""
    thread = open_threads(life.lab)[-1]
    thread.archived = True
    assert [record["archived"] for record in life.sync().records()] == [True]
    life.lab.emulator.requests.clear()
    assert life.sync().ids == []
    life.lab.account.delete(thread)
    assert deleted_ids(life) == ids([thread])


def test_archived_and_restored_while_read(life: Life) -> None:
    """A thread archived and restored between two requests for it is not deleted."""
    thread = open_threads(life.lab)[0]

    def toggle_archived(target: str) -> None:
        if f"/threads/{thread.id}" in target:
            thread.archived = "archived=true" not in target

    life.lab.emulator.before_answer = toggle_archived

    def toggle_twice(target: str) -> None:
        toggle_archived(target)
        if len(life.lab.calls(f"/threads/{thread.id}")) >= 2:
            life.lab.emulator.before_answer = None

    life.lab.emulator.before_answer = toggle_twice
    output = life.sync()
    assert output.records("deleted_threads") == []


def test_deleted_threads_not_selected(life: Life) -> None:
    """Without `deleted_threads` selected, deleted threads still leave the state."""
    deleted = open_threads(life.lab)[2]
    life.lab.account.delete(deleted)
    life.sync(select("threads"))
    life.pass_time(minutes=10)
    output = life.sync(select("threads"))
    assert not output.of_type("SCHEMA", "deleted_threads")
    assert str(deleted.id) not in json.dumps(life.state)


def test_deleted_threads_alone(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """`deleted_threads` without `threads` logs that `threads` is needed too."""
    assert life.sync(select("deleted_threads")).records("deleted_threads") == []
    assert "select both" in caplog.text


def test_deleted_after_a_new_message(life: Life) -> None:
    """A closed thread deleted after a new message, before it is read, is emitted as deleted."""
    thread = next(t for t in life.lab.threads if t.closed_at and not t.archived)
    life.lab.account.message(thread, sent=False)
    delete_when_read(life.lab, thread)
    assert deleted_ids(life) == ids([thread])


@pytest.mark.parametrize("size", [8, 2_000])
def test_wrong_account(size: int) -> None:
    """With another account's token no thread is requested, and only the given state is written."""
    with open_lab(Account.sample(size)) as lab, open_lab(Account.sample(80, seed=3)) as other:
        life = Life(lab)
        life.sync()
        life.pass_time(hours=1)
        before = life.state
        life.lab, other.account.clock = other, lab.account.clock
        other.account.portal_id = 77
        with pytest.raises(
            WrongAccountError, match=r"account 77, but the state belongs to account 62515"
        ):
            life.sync()
        assert life.last.of_type("RECORD") == []
        assert [state["value"] for state in life.last.of_type("STATE")] == [before]
        assert len(other.calls("")) == 1
        life.lab = lab
        assert life.sync().of_type("RECORD") == []


def test_mass_deletion(life: Life) -> None:
    """A mass deletion is emitted after a full listing without these threads, with exit 0."""
    deleted = open_threads(life.lab)[1:]
    assert len(deleted) >= 20
    for thread in deleted:
        life.lab.account.delete(thread)
    new = life.threads(1)
    life.sync()
    assert life.last.records("deleted_threads") == []
    assert life.lab.calls(FULL_LIST)
    assert ids(new)[0] in life.last.ids
    life.pass_time(minutes=10)
    life.sync()
    assert sorted(row["id"] for row in life.last.records("deleted_threads")) == sorted(ids(deleted))
    assert life.threads_state["not_found"] == []


def test_outage_of_404s(life: Life) -> None:
    """Threads that lists show are not deleted, even if reads by ID return 404s for hours."""
    life.lab.script(path=BY_ID, status=404, headers=NOT_FOUND, times=10**6)
    for _ in range(6):
        life.sync(always_fetch_by_id=True)
        assert life.last.records("deleted_threads") == []
        life.pass_time(minutes=40)
    for _ in range(40):
        life.sync()
        assert life.last.records("deleted_threads") == []
        life.pass_time(minutes=40)


def test_mass_deletion_with_an_unconfirmed_account(life: Life) -> None:
    """With an unconfirmed account ID, a mass deletion is an error."""
    life.lab.account.behavior.account_info = "403"
    for thread in open_threads(life.lab)[1:]:
        life.lab.account.delete(thread)
    new = life.threads(1)
    with pytest.raises(MassDeletionError, match="No thread is marked as deleted"):
        deleted_ids(life)
    assert life.last.records("deleted_threads") == []
    assert ids(new)[0] in life.last.ids
    life.state = {}
    assert sorted(life.sync().ids) == sorted(life.lab.ids)


def test_wrong_account_without_an_account_id(life: Life) -> None:
    """If HubSpot withholds the account ID, another account's open and new threads are loaded."""
    with open_lab(Account.sample(60, seed=5)) as other:
        other.script(path="account-info", status=403, times=10)
        wrong = Life(other)
        wrong.now, wrong.state = life.now, life.state
        (new,) = wrong.threads(1)
        with pytest.raises(MassDeletionError):
            wrong.sync()
        loaded = {*ids(open_threads(other)), str(new.id)} - {*life.lab.ids}
        assert loaded <= {*wrong.last.ids}
        assert wrong.last.records("deleted_threads") == []


def test_most_are_missing_with_an_unconfirmed_account(life: Life) -> None:
    """With an unconfirmed account ID, no deletion is emitted if most open threads are not found."""
    life.lab.account.behavior.account_info = "403"
    keep = open_threads(life.lab)[:4]
    for thread in open_threads(life.lab):
        thread.closed_at = None if thread in keep else life.now
    for thread in life.lab.threads:
        if thread.archived:
            thread.closed_at = life.now
    life.sync()
    for thread in keep[1:]:
        life.lab.account.delete(thread)
    assert deleted_ids(life) == []
    life.lab.account.behavior.account_info = "number"
    life.pass_time(minutes=20)
    life.sync()
    assert len(life.last.records("deleted_threads")) == 3


def test_half_are_deleted(life: Life) -> None:
    """If at most half of the open threads are deleted, they are emitted as deleted."""
    threads = open_threads(life.lab)
    deleted = threads[: len(threads) // 2]
    for thread in deleted:
        life.lab.account.delete(thread)
    assert sorted(deleted_ids(life)) == sorted(ids(deleted))


def test_emptied_small_account() -> None:
    """In a small account, all threads may be deleted at once."""
    with open_lab(Account.sample(6)) as lab:
        life = Life(lab)
        life.sync()
        deleted = [t for t in lab.threads if not t.closed_at]
        lab.account.threads.clear()
        assert set(ids(deleted)) <= set(deleted_ids(life))


def test_failed_thread_is_not_deleted(life: Life) -> None:
    """A failed open thread is not marked as deleted, and the next sync reads it."""
    thread = open_threads(life.lab)[3]
    thread.assigned_to = "A-5"
    life.lab.script(path=f"/threads/{thread.id}", status=500)
    with pytest.raises(IncompleteError):
        life.sync(max_attempts=1, always_fetch_by_id=True)
    assert life.last.records("deleted_threads") == []
    assert life.sync().ids == ids([thread])


@pytest.mark.parametrize("changed", [0, 50])
def test_calls_per_sync(changed: int) -> None:
    """Beyond its increment, a sync makes at most the calls that a setting allows, plus five."""
    with open_lab(Account.sample(2_600)) as lab:
        life = Life(lab, open_threads_max_calls=100)
        life.sync()
        life.pass_time(hours=5)
        rng = random.Random(changed)
        for thread in open_threads(lab)[:changed]:
            change_silently(rng, lab.account, thread)
        for thread in open_threads(lab)[60 : 60 + changed // 5]:
            lab.account.delete(thread)
        messages = rng.sample(lab.threads, changed)
        for thread in messages:
            lab.account.message(thread, sent=True)
        lab.emulator.requests.clear()
        life.sync()
        listed = len(lab.calls("latestMessage"))
        increment = listed + len(messages)
        assert len(lab.calls()) - increment <= 100 + 1 + 4


def test_size_of_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 20,000 open threads, the state is below 600 kB, and STATE below 1/3 of the output."""
    set_runtime(monkeypatch, state_interval=0)
    account = Account.sample(20_000)
    for thread in account.threads.values():
        thread.id += 9_000_000_000
        thread.closed_at = None
    with open_lab(Account(list(account.threads.values()))) as lab:
        life = Life(lab)
        life.sync()
        assert len(open_entries(life.threads_state)) == 20_000
        assert len(json.dumps(life.state)) < 600_000
        states = sum(len(line) for line in life.last.text.splitlines() if '"STATE"' in line[:20])
        assert states < len(life.last.text) / 3
        for thread in lab.threads[:300]:
            lab.account.message(thread, sent=True)
        life.pass_time(hours=1)
        life.sync()
        assert len(life.last.of_type("STATE")) <= 4


def test_changed_filters(life: Life) -> None:
    """After a change of filters all threads in scope are emitted, changed or not."""
    assert life.sync(include_archived=False).ids == life.lab.live_ids
    expected = [t for t in life.lab.threads if t.inbox_id == CHAT]
    assert life.sync(inbox_ids=[CHAT]).ids == ids(expected)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "17",
        "17:x123456",
        "17:l123456 ",
        "17:l123456  18:l123456",
        "../17:l123456",
        "0:l123456",
        "17:l12345",
        18,
        None,
    ],
)
def test_invalid_open_threads(life: Life, entry: object) -> None:
    """An invalid entry of open threads in the state is refused."""
    life.threads_state["open_threads"] = [entry]
    with pytest.raises(StateError, match=r"bookmarks\.threads\.open_threads"):
        life.sync()


def test_summary(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """The summary counts the open threads that have not changed."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    life.sync()
    (record,) = [record for record in caplog.records if record.message.startswith("Sync ")]
    assert record.message.startswith(
        "Sync complete: 0 threads; 32 open threads unchanged. 8 API calls in "
    )
    assert vars(record)["full_listing_completed_at"] == "2026-11-20T12:00:00.000Z"


def test_failed_thread_of_an_unconfirmed_account(life: Life) -> None:
    """A sync that cannot confirm the account does not mark a failed thread as deleted."""
    life.threads_state["failed"] = [["17", 1]]
    life.threads_state["open_threads"] = []
    del life.threads_state["account_id"]
    assert life.sync().records("deleted_threads") == []
    assert life.threads_state["failed"] == []


def test_cost_without_a_closed_thread() -> None:
    """A deleted thread costs only a few calls, even if every thread is open."""
    with open_lab() as lab:
        for thread in lab.threads:
            thread.closed_at = None
        life = Life(lab)
        life.sync()
        life.pass_time(hours=1)
        lab.account.delete(open_threads(lab)[0])
        lab.emulator.requests.clear()
        life.sync(open_threads_max_calls=1)
        assert len(lab.calls(BY_ID)) <= 1 + 4


@pytest.mark.parametrize("calls", [1, 2, 3, 19])
def test_cost_when_the_first_ones_are_deleted(life: Life, calls: int) -> None:
    """The call limit holds if the threads that are read first are deleted."""
    for thread in open_threads(life.lab)[:4]:
        life.lab.account.delete(thread)
    life.sync(open_threads_max_calls=calls)
    assert len(life.lab.calls(BY_ID)) <= calls + 4


def test_one_call_per_sync(life: Life) -> None:
    """With one call per sync, live and archived open threads all get their turn."""
    waiting = [str(t.id) for t in life.lab.threads if not t.closed_at]
    for _ in range(2 * len(waiting)):
        life.sync(open_threads_max_calls=1)
    read = "".join(life.lab.calls(BY_ID))
    assert all(thread_id in read for thread_id in waiting)


def test_deletions_in_a_failed_sync(life: Life) -> None:
    """Deletions are emitted even if a thread or the full listing fails."""
    first, bad, second = open_threads(life.lab)[:3]
    life.lab.account.delete(first)
    life.sync()
    life.pass_time(minutes=10)
    life.lab.script(path=f"/threads/{bad.id}", status=500)
    with pytest.raises(IncompleteError):
        life.sync(max_attempts=1, always_fetch_by_id=True)
    assert [row["id"] for row in life.last.records("deleted_threads")] == ids([first])
    life.lab.account.delete(second)
    life.sync()
    life.pass_time(hours=24)
    life.lab.script(path=FULL_LIST, status=403, times=10**6)
    with pytest.raises(HubSpotError, match="403"):
        life.sync()
    assert [row["id"] for row in life.last.records("deleted_threads")] == ids([second])
    assert life.last.messages[-1]["type"] == "STATE"
    life.lab.emulator.faults.clear()
    assert life.sync().records("deleted_threads") == []


def test_full_listing_with_a_repeated_cursor(life: Life) -> None:
    """A repeated cursor is an error."""
    life.pass_time(hours=24)
    body = json.dumps({"results": [], "paging": {"next": {"after": "again"}}})
    life.lab.script(path="sort=id", status=200, body=body, times=10)
    with pytest.raises(HubSpotError, match="no progress"):
        life.sync(open_threads_max_calls=0)


@pytest.mark.parametrize("started", ["2999-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z"])
def test_wrong_date_of_the_last_full_listing(life: Life, started: str) -> None:
    """A full listing is due if the last one is dated in the future or too long ago."""
    life.threads_state["full_listing_started_at"] = started
    life.sync()
    assert life.lab.calls("sort=id")
