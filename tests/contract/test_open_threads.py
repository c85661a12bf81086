"""What no message tells of: open threads read again, full listings, deleted threads."""

from __future__ import annotations

import json
import logging
import random
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

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_FOUND = {"X-HubSpot-NotFound": "true"}
BY_ID = r"/threads/\d+"
EVERYTHING = r"sort=id(?!.*threadStatus)"


@pytest.fixture
def life() -> Iterator[Life]:
    """A small account, synced once; an hour has passed."""
    with open_lab() as lab:
        life = Life(lab)
        life.sync()
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        yield life


def open_threads(lab: Lab) -> list[Thread]:
    """The account's open live threads."""
    return [t for t in lab.threads if not t.closed_at and not t.archived]


def change_silently(chance: random.Random, account: Account, thread: Thread) -> None:
    """Do something to a thread that no listing by time shows."""
    what = chance.choice(["close", "reopen", "assign", "spam", "move", "archive", "restore"])
    if what in {"close", "reopen"}:
        thread.closed_at = account.now() if what == "close" else None
    elif what == "assign":
        thread.assigned_to = chance.choice([None, *AGENTS])
    elif what == "spam":
        thread.spam = not thread.spam
    elif what == "move":
        thread.inbox_id = chance.choice([HELP_DESK, SALES, CHAT])
    else:
        thread.archived = what == "archive"


def delete_when_read(lab: Lab, thread: Thread) -> None:
    """Have a thread deleted when it is asked for by id."""

    def delete(target: str) -> None:
        if f"/threads/{thread.id}" in target:
            lab.account.threads.pop(thread.id, None)

    lab.emulator.before_answer = delete


@pytest.mark.parametrize(("status_filter", "calls"), [("works", 2), ("ignored", 1 + 2)])
def test_quiet_account(life: Life, status_filter: Any, calls: int) -> None:
    """Open threads are seen again, in a few calls, and do not go out when they are unchanged."""
    life.lab.account.behavior.status_filter = status_filter
    output = life.sync()
    assert output.ids == []
    assert life.lab.calls(BY_ID) == []
    # Live and archived threads; before them the increment's three calls.
    assert len(life.lab.calls("sort=id")) == calls
    assert len(life.lab.calls()) == calls + 3


@pytest.mark.parametrize(
    ("status_filter", "calls", "said"),
    [
        ("works", 500, "1183 seen in 5 listing calls, 0 by id"),
        ("ignored", 500, "1183 seen in 9 listing calls, 0 by id"),
        ("ignored", 10, "0 seen in 1 listing calls, 8 by id"),
    ],
)
def test_how_they_were_seen(
    caplog: pytest.LogCaptureFixture, status_filter: Any, calls: int, said: str
) -> None:
    """The log tells whether HubSpot's filter works, a listing of all stands in, or neither."""
    caplog.set_level(logging.INFO)
    with open_lab(Account.sample(3000)) as lab:
        lab.account.behavior.status_filter = status_filter
        life = Life(lab, open_threads_max_calls=calls)
        life.sync()
        life.pass_time(minutes=15)
        life.sync()
    assert f"Open threads: 1183 known; {said}" in caplog.messages


def test_silent_changes_of_open_threads(life: Life) -> None:
    """What happens to an open thread without a message comes with the next sync."""
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


def test_closed_ones_leave(life: Life) -> None:
    """A thread that was closed is not read again; one that got a message and is open, is."""
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


def test_what_the_increment_brought_is_not_read_twice(life: Life) -> None:
    """An open thread with a new message is read once a sync, and no listing's row overwrites it."""
    first, second, third, *_ = open_threads(life.lab)
    life.lab.account.message(first, sent=True)
    life.lab.account.message(second, sent=True)
    assert sorted(life.sync().ids) == sorted(ids([first, second]))
    for thread, calls in ((first, 1), (second, 1), (third, 0)):
        assert len(life.lab.calls(f"/threads/{thread.id}")) == calls


def test_longest_unread_first(life: Life) -> None:
    """With few calls a sync, each open thread has its turn, and no sync exceeds them."""
    waiting = {str(t.id) for t in life.lab.threads if not t.closed_at}
    for _ in range(-(-len(waiting) // 6)):
        life.lab.emulator.requests.clear()
        life.sync(open_threads_max_calls=7, always_fetch_by_id=True)
        read = [call.rpartition("/")[2].partition("?")[0] for call in life.lab.calls(BY_ID)]
        assert len(read) <= 7
        waiting -= set(read)
    assert waiting == set()


def test_none_are_read_when_none_are_wanted(life: Life) -> None:
    """With `open_threads_max_calls` 0 no open thread is read again, and none is kept."""
    life.sync(open_threads_max_calls=0)
    assert life.lab.calls(BY_ID) == []
    life.state = {}
    life.sync(open_threads_max_calls=0)
    assert life.threads_state["open_threads"] == []


def test_killed_between_a_row_and_its_state(life: Life) -> None:
    """A change that went out, but not into the state, is taken back when it is undone."""
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


def test_several_inboxes(life: Life) -> None:
    """A watched thread that is moved out of the wanted inboxes is told, and then left alone."""
    life.settings = {"inbox_ids": [HELP_DESK, CHAT]}
    life.sync()
    thread = next(t for t in open_threads(life.lab) if t.inbox_id == CHAT)
    thread.inbox_id = SALES
    assert life.sync().ids == ids([thread])
    life.lab.emulator.requests.clear()
    life.sync()
    assert life.lab.calls(f"/threads/{thread.id}") == []


def test_archived_out_of_the_filters(life: Life) -> None:
    """Without archived threads, an open thread is emitted once more when archived."""
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
    """Without archived threads, the full listing updates a closed thread that was archived."""
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


def test_closed_moved_out_of_the_filters(life: Life) -> None:
    """A closed thread that is moved out of the inboxes keeps its row until a full refresh."""
    life.settings = {"inbox_ids": [HELP_DESK, CHAT]}
    life.sync()
    closed = next(t for t in life.lab.threads if t.closed_at and t.inbox_id == CHAT)
    closed.inbox_id = SALES
    life.pass_time(hours=25)
    assert str(closed.id) not in life.sync().ids


def test_full_listing(life: Life) -> None:
    """Once a day everything is listed again, and goes out."""
    life.lab.account.behavior.status_filter = "works"
    closed = next(t for t in life.lab.threads if t.closed_at and not t.archived)
    closed.assigned_to = "A-5"
    silent = life.lab.account.create()
    assert life.sync().ids == []
    life.pass_time(hours=23)
    records = {record["id"]: record for record in life.sync().records()}
    assert list(records) == life.lab.ids
    assert records[str(closed.id)]["assignedTo"] == "A-5"
    life.pass_time(hours=23)
    silent.spam = True
    life.lab.emulator.requests.clear()
    assert life.sync().ids == ids([silent])
    assert not life.lab.calls(EVERYTHING)


def test_full_listing_in_slices(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full listing takes so many pages a sync, goes on in the next one, and says when it ends."""
    set_runtime(monkeypatch, page_size=10)
    life.settings["open_threads_max_calls"] = 0
    first = life.threads_state["full_listing_completed_at"]
    found: list[str] = []
    life.pass_time(hours=24)
    syncs = 0
    while life.threads_state["full_listing_completed_at"] == first:
        life.lab.emulator.requests.clear()
        found += life.sync(full_listing_calls=3).ids
        assert 1 <= len(life.lab.calls(EVERYTHING)) <= 3
        life.pass_time(minutes=15)
        syncs += 1
    assert syncs == 4  # ten pages, and an empty one on each side
    assert found == life.lab.ids
    life.lab.emulator.requests.clear()
    life.sync(full_listing_calls=3)
    assert not life.lab.calls(EVERYTHING)


def test_full_listing_with_a_refused_cursor(
    life: Life, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A cursor that HubSpot does not know any more restarts the side that it is of."""
    set_runtime(monkeypatch, page_size=10)
    life.pass_time(hours=24)
    life.sync(full_listing_calls=3)
    began = life.threads_state["listing_started_at"]
    life.threads_state["listing_cursor"] = "too old"
    life.pass_time(hours=1)
    assert life.sync().ids == life.lab.ids
    assert "listed from the start" in caplog.text
    assert life.threads_state["full_listing_started_at"] > began


def test_full_listing_by_id(life: Life) -> None:
    """With `always_fetch_by_id` a full listing reads each thread by id too."""
    life.pass_time(hours=24)
    life.sync(always_fetch_by_id=True)
    assert len(life.lab.calls(BY_ID)) >= len(life.lab.threads)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_stale(seed: int) -> None:
    """300 silent changes between syncs: no open thread is stale; after a full listing, none is."""
    chance = random.Random(seed)
    with open_lab(Account.sample(400, seed=seed)) as lab:
        life = Life(lab, open_threads_max_calls=10_000)
        warehouse: dict[str, dict[str, Any]] = {}
        for turn in range(4):
            if turn:
                for thread in chance.sample(list(lab.account.threads.values()), 300):
                    change_silently(chance, lab.account, thread)
            life.pass_time(hours=24 if turn == 3 else 1)
            watched = (
                {entry.partition(":")[0] for entry in life.threads_state["open_threads"]}
                if turn
                else {}
            )
            for record in life.sync().records():
                warehouse[record["id"]] = record
            lab_rows = {r["id"]: r for r in lab.sync().records()}
            everything = turn in {0, 3}
            stale = [
                thread_id
                for thread_id, row in lab_rows.items()
                if (everything or thread_id in watched) and warehouse[thread_id] != row
            ]
            assert stale == []


def test_deleted(life: Life) -> None:
    """An open thread that is gone is told once, at the second look, by HubSpot's clock."""
    gone = open_threads(life.lab)[2]
    life.lab.account.delete(gone)
    assert life.sync().records("deleted_threads") == []
    life.pass_time(minutes=10)
    output = life.sync()
    row = {"id": str(gone.id), "detectedAt": "2026-11-20T13:10:00.000Z"}
    assert output.records("deleted_threads") == [row]
    assert output.ids == []
    assert life.sync().records("deleted_threads") == []


@pytest.mark.parametrize("minutes", [0, 1, 9])
def test_looks_that_are_too_close(life: Life, minutes: int) -> None:
    """However often a thread is missed within ten minutes, it is not told deleted."""
    gone = open_threads(life.lab)[2]
    life.lab.account.delete(gone)
    life.sync()
    for _ in range(3):
        assert life.sync().records("deleted_threads") == []
    life.pass_time(minutes=minutes)
    assert life.sync().records("deleted_threads") == []
    life.pass_time(minutes=10 - minutes)
    assert [row["id"] for row in life.sync().records("deleted_threads")] == ids([gone])


def told(life: Life, **settings: Any) -> list[str]:
    """Sync, and once more after ten minutes; return what is told deleted."""
    life.sync(**settings)
    found = [row["id"] for row in life.last.records("deleted_threads")]
    life.pass_time(minutes=10)
    life.sync(**settings)
    return found + [row["id"] for row in life.last.records("deleted_threads")]


@pytest.mark.parametrize("body", ["<html>", ""])
def test_404_that_is_not_hubspots_word(life: Life, body: str) -> None:
    """Other 404s, with HubSpot's correlation id too, are a failure of that thread, and no look."""
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


def test_lie_that_heals(life: Life) -> None:
    """A thread that HubSpot denies once, and then has, is not told deleted; nor is its row lost."""
    thread = open_threads(life.lab)[0]
    life.lab.account.message(thread, sent=True)
    life.lab.script(path=f"/threads/{thread.id}", status=404, headers=NOT_FOUND, times=2)
    assert life.sync().ids == []
    life.pass_time(minutes=20)
    assert life.sync().ids == ids([thread])
    assert life.last.records("deleted_threads") == []
    assert life.threads_state["not_found"] == []


def test_archived_and_purged(life: Life) -> None:
    """An open thread that is archived is told archived, and deleted when it is."""
    thread = open_threads(life.lab)[-1]
    thread.archived = True
    assert [record["archived"] for record in life.sync().records()] == [True]
    life.lab.emulator.requests.clear()
    assert life.sync().ids == []
    life.lab.account.delete(thread)
    assert told(life) == ids([thread])


def test_changes_sides_while_it_is_read(life: Life) -> None:
    """A thread that is archived and restored between the tries to read it is not told deleted."""
    thread = open_threads(life.lab)[0]

    def flip(target: str) -> None:
        if f"/threads/{thread.id}" in target:
            thread.archived = "archived=true" not in target

    life.lab.emulator.before_answer = flip

    def settle(target: str) -> None:
        flip(target)
        if len(life.lab.calls(f"/threads/{thread.id}")) >= 2:
            life.lab.emulator.before_answer = None

    life.lab.emulator.before_answer = settle
    output = life.sync()
    assert output.records("deleted_threads") == []


def test_deleted_threads_that_nobody_selected(life: Life) -> None:
    """When the stream is not selected, what is gone is forgotten all the same."""
    gone = open_threads(life.lab)[2]
    life.lab.account.delete(gone)
    life.sync(select("threads"))
    life.pass_time(minutes=10)
    output = life.sync(select("threads"))
    assert not output.of_type("SCHEMA", "deleted_threads")
    assert str(gone.id) not in json.dumps(life.state)


def test_deleted_threads_alone(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """Selected without `threads`, the stream says that it takes both."""
    assert life.sync(select("deleted_threads")).records("deleted_threads") == []
    assert "select it too" in caplog.text


def test_gone_with_a_message(life: Life) -> None:
    """A closed thread that got a message and is deleted before it is read is told too."""
    thread = next(t for t in life.lab.threads if t.closed_at and not t.archived)
    life.lab.account.message(thread, sent=False)
    delete_when_read(life.lab, thread)
    assert told(life) == ids([thread])


@pytest.mark.parametrize("size", [8, 2_000])
def test_wrong_account(size: int) -> None:
    """Another account's token: no thread is asked for, nothing goes out but the given state."""
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


def test_most_are_gone(life: Life) -> None:
    """When most of 20 or more are gone, a listing of all has to end without them; exit 0."""
    victims = open_threads(life.lab)[1:]
    assert len(victims) >= 20
    for thread in victims:
        life.lab.account.delete(thread)
    new = life.threads(1)
    life.sync()
    assert life.last.records("deleted_threads") == []
    assert life.lab.calls(EVERYTHING)
    assert ids(new)[0] in life.last.ids
    life.pass_time(minutes=10)
    life.sync()
    assert sorted(row["id"] for row in life.last.records("deleted_threads")) == sorted(ids(victims))
    assert life.threads_state["not_found"] == []


def test_outage_that_denies_all(life: Life) -> None:
    """While reading by id says 404 for hours, and listings show the threads, none is told."""
    life.lab.script(path=BY_ID, status=404, headers=NOT_FOUND, times=10**6)
    for _ in range(6):
        life.sync(always_fetch_by_id=True)
        assert life.last.records("deleted_threads") == []
        life.pass_time(minutes=40)
    for _ in range(40):
        life.sync()
        assert life.last.records("deleted_threads") == []
        life.pass_time(minutes=40)


def test_purge_of_an_account_that_is_not_confirmed(life: Life) -> None:
    """Where HubSpot does not say which account it is, what looks like a purge is an error."""
    life.lab.account.behavior.account_info = "403"
    for thread in open_threads(life.lab)[1:]:
        life.lab.account.delete(thread)
    new = life.threads(1)
    with pytest.raises(MassDeletionError, match="No thread is marked as deleted"):
        told(life)
    assert life.last.records("deleted_threads") == []
    assert ids(new)[0] in life.last.ids
    life.state = {}
    assert sorted(life.sync().ids) == sorted(life.lab.ids)


def test_another_account_that_is_not_told(life: Life) -> None:
    """Where HubSpot does not say the account, another one's open and new threads are loaded."""
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


def test_few_that_are_seen_where_the_account_is_not_confirmed(life: Life) -> None:
    """A sync that missed more than it saw tells nothing, where HubSpot does not say the account."""
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
    assert told(life) == []
    life.lab.account.behavior.account_info = "number"
    life.pass_time(minutes=20)
    life.sync()
    assert len(life.last.records("deleted_threads")) == 3


def test_half_are_gone(life: Life) -> None:
    """When no more than half are gone, they are told."""
    threads = open_threads(life.lab)
    victims = threads[: len(threads) // 2]
    for thread in victims:
        life.lab.account.delete(thread)
    assert sorted(told(life)) == sorted(ids(victims))


def test_small_account_that_is_emptied() -> None:
    """A handful of threads may all be deleted at once."""
    with open_lab(Account.sample(6)) as lab:
        life = Life(lab)
        life.sync()
        victims = [t for t in lab.threads if not t.closed_at]
        lab.account.threads.clear()
        assert set(ids(victims)) <= set(told(life))


def test_thread_that_fails_is_not_told(life: Life) -> None:
    """An open thread that cannot be read is not deleted, and is read when it can be."""
    thread = open_threads(life.lab)[3]
    thread.assigned_to = "A-5"
    life.lab.script(path=f"/threads/{thread.id}", status=500)
    with pytest.raises(IncompleteError):
        life.sync(max_attempts=1, always_fetch_by_id=True)
    assert life.last.records("deleted_threads") == []
    assert life.sync().ids == ids([thread])


@pytest.mark.parametrize("changed", [0, 50])
def test_cost(changed: int) -> None:
    """A sync costs its increment, and at most what the two settings say, and four calls."""
    with open_lab(Account.sample(2_600)) as lab:
        life = Life(lab, open_threads_max_calls=100, full_listing_calls=2)
        life.sync(full_listing_calls=100)
        life.pass_time(hours=25)
        chance = random.Random(changed)
        for thread in open_threads(lab)[:changed]:
            change_silently(chance, lab.account, thread)
        for thread in open_threads(lab)[60 : 60 + changed // 5]:
            lab.account.delete(thread)
        messages = chance.sample(lab.threads, changed)
        for thread in messages:
            lab.account.message(thread, sent=True)
        lab.emulator.requests.clear()
        life.sync()
        listed = len(lab.calls("latestMessage"))
        increment = listed + len(messages)
        assert len(lab.calls(EVERYTHING)) == 2
        assert len(lab.calls()) - increment <= 100 + 2 + 4


def test_size_of_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 open threads: the state stays below 600 kB, and STATE a minor part of the output."""
    set_runtime(monkeypatch, state_interval=0)
    account = Account.sample(20_000)
    for thread in account.threads.values():
        thread.id += 9_000_000_000
        thread.closed_at = None
    with open_lab(Account(list(account.threads.values()))) as lab:
        life = Life(lab)
        life.sync()
        assert len(life.threads_state["open_threads"]) == 20_000
        assert len(json.dumps(life.state)) < 600_000
        states = sum(len(line) for line in life.last.text.splitlines() if '"STATE"' in line[:20])
        assert states < len(life.last.text) / 3
        for thread in lab.threads[:300]:
            lab.account.message(thread, sent=True)
        life.pass_time(hours=1)
        life.sync()
        assert len(life.last.of_type("STATE")) <= 4


def test_changed_settings_bring_all(life: Life) -> None:
    """When other threads are wanted, all of those come, changed or not, and no others."""
    assert life.sync(include_archived=False).ids == life.lab.live_ids
    wanted = [t for t in life.lab.threads if t.inbox_id == CHAT]
    assert life.sync(inbox_ids=[CHAT]).ids == ids(wanted)


@pytest.mark.parametrize(
    "entry", ["17", "17:x123456", "../17:l123456", "0:l123456", "17:l12345", 18, None]
)
def test_unknown_lists(life: Life, entry: object) -> None:
    """A list of open threads that is none is refused."""
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
        "Sync complete: 0 threads; 32 open threads unchanged. 7 API calls in "
    )
    assert vars(record)["full_listing_completed_at"] == "2026-11-20T12:00:00.000Z"


def test_failed_thread_in_a_wrong_account(life: Life) -> None:
    """A thread that failed is not told deleted by a sync that cannot tell which account it is."""
    life.threads_state["failed"] = [["17", 1]]
    life.threads_state["open_threads"] = []
    del life.threads_state["account_id"]
    assert life.sync().records("deleted_threads") == []
    assert life.threads_state["failed"] == []


def test_cost_without_a_closed_thread() -> None:
    """Where all threads are open, a deleted one costs no more than a few calls either."""
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
    """The bound of the calls holds when the threads that are read first are gone."""
    for thread in open_threads(life.lab)[:4]:
        life.lab.account.delete(thread)
    life.sync(open_threads_max_calls=calls)
    assert len(life.lab.calls(BY_ID)) <= calls + 4


def test_one_call_a_sync_has_its_turn_for_all(life: Life) -> None:
    """With one call a sync, live and archived open threads have their turn alike."""
    waiting = [str(t.id) for t in life.lab.threads if not t.closed_at]
    for _ in range(2 * len(waiting)):
        life.sync(open_threads_max_calls=1)
    read = "".join(life.lab.calls(BY_ID))
    assert all(thread_id in read for thread_id in waiting)


def test_deleted_threads_of_a_sync_that_fails(life: Life) -> None:
    """What is gone is told although a thread cannot be read, or the listing fails."""
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
    life.lab.script(path=EVERYTHING, status=403, times=10)
    with pytest.raises(HubSpotError, match="403"):
        life.sync()
    assert [row["id"] for row in life.last.records("deleted_threads")] == ids([second])
    assert life.last.messages[-1]["type"] == "STATE"
    life.lab.emulator.faults.clear()
    assert life.sync().records("deleted_threads") == []


def test_full_listing_that_stands_still(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor that comes again is told, however few pages a sync lists."""
    set_runtime(monkeypatch, page_size=10)
    life.pass_time(hours=24)
    life.sync(full_listing_calls=2)
    cursor = life.threads_state["listing_cursor"]
    body = json.dumps({"results": [], "paging": {"next": {"after": cursor}}})
    life.lab.script(path="sort=id", status=200, body=body, times=10)
    with pytest.raises(HubSpotError, match="no progress"):
        life.sync(full_listing_calls=1)


def test_listing_that_lists_twice(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """By id, a thread that changes sides while all is listed is read once in that listing."""
    set_runtime(monkeypatch, page_size=500)
    thread = next(t for t in life.lab.threads if t.closed_at and not t.archived)
    life.pass_time(hours=24)

    def archive(target: str) -> None:
        if f"/threads/{thread.id}" in target:
            thread.archived = True

    life.lab.emulator.before_answer = archive
    life.sync(always_fetch_by_id=True)
    assert life.last.ids.count(str(thread.id)) == 1


@pytest.mark.parametrize("started", ["2999-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z"])
def test_full_listing_of_another_time(life: Life, started: str) -> None:
    """A listing that is said to be of the future is as good as one that is too old."""
    life.threads_state["full_listing_started_at"] = started
    life.sync()
    assert life.lab.calls("sort=id")
