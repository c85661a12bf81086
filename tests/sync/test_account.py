"""Syncs of the whole account: what each brings, what it costs, what it keeps."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.data.thread import CHAT, HELP_DESK
from tap_hubspot_threads.errors import IncompleteError, StateError
from tests.conftest import NOON, Lab, Life, ids, open_lab, select, set_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def life() -> Iterator[Life]:
    """A small account, synced once; an hour has passed."""
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        life.sync()
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        yield life


def test_nothing_changed(life: Life) -> None:
    """A quiet account costs three calls, and no record."""
    assert life.sync().ids == []
    assert len(life.lab.calls()) == 3


def test_changed_threads(life: Life) -> None:
    """Only threads with a new message come, live or archived, oldest message first."""
    old = life.lab.threads[:3]
    archived = life.lab.threads[-1]
    for thread in [*old, archived]:
        life.pass_time(seconds=1)
        life.lab.account.message(thread, sent=True)
    new = life.threads(2)
    output = life.sync()
    assert sorted(output.ids) == sorted(ids([*old, archived, *new]))
    life.pass_time(hours=1)
    life.sync()  # the lookback brings the last minutes once more
    assert life.sync().ids == []


def test_bookmark_is_hubspots_clock(life: Life) -> None:
    """The bookmark is HubSpot's clock at the start of the increment, whatever this machine's is."""
    life.sync()
    assert life.threads_state["replication_key"] == "latestMessageTimestamp"
    assert life.threads_state["replication_key_value"] == "2026-11-20T13:00:00.000Z"


def test_lookback(life: Life) -> None:
    """A message that HubSpot's index shows late is found within the lookback."""
    (late,) = life.threads(1)
    late.received_at = None
    life.sync()
    late.received_at = life.now - timedelta(seconds=200)
    life.pass_time(seconds=60)
    assert life.sync(lookback_seconds=100).ids == []
    assert life.sync(lookback_seconds=300).ids == ids([late])


@pytest.mark.parametrize("offset_cursors", [False, True])
def test_many_in_one_millisecond(life: Life, *, offset_cursors: bool) -> None:
    """1,200 threads whose latest message is in one millisecond all come, once each."""
    life.lab.account.offset_cursors = offset_cursors
    made = life.threads(1_200)
    life.pass_time(milliseconds=1)
    made += life.threads(3)
    output = life.sync(max_concurrency=16)
    assert sorted(output.ids) == sorted(ids(made))


def test_moves_between_pages(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that get another message while pages are read are not lost, nor push others out."""
    set_runtime(monkeypatch, page_size=5)
    made = []
    for _ in range(40):
        life.pass_time(milliseconds=7)
        made += life.threads(1)

    def message(target: str) -> None:
        if "latestMessage" in target and "archived" not in target:
            life.pass_time(milliseconds=1)
            life.lab.account.message(made[len(life.lab.calls()) % 40], sent=True)

    life.lab.emulator.before_answer = message
    assert sorted(life.sync().ids) == sorted(ids(made))


def test_vanishes_or_is_archived_in_between(life: Life) -> None:
    """A thread that is deleted or archived after it was listed is handled, and the rest comes."""
    gone, archived, stays = life.threads(3)

    def change(target: str) -> None:
        if str(gone.id) in target:
            life.lab.account.threads.pop(gone.id, None)
        if str(archived.id) in target:
            archived.archived = True

    life.lab.emulator.before_answer = change
    records = life.sync().records()
    assert sorted(record["id"] for record in records) == ids([archived, stays])
    assert [record["archived"] for record in records if record["id"] == str(archived.id)] == [True]


def test_cost_of_an_increment() -> None:
    """80 changed threads in 2,600 cost at most 90 calls."""
    with open_lab(Account.sample(2_600)) as lab:
        life = Life(lab, open_threads_max_calls=0)
        life.sync()
        life.pass_time(hours=1)
        for thread in lab.threads[100:180]:
            life.pass_time(seconds=1)
            lab.account.message(thread, sent=True)
        lab.emulator.requests.clear()
        assert len(life.sync().ids) == 80
        assert len(lab.calls()) <= 90


def test_runs_that_overlap(life: Life) -> None:
    """Whichever of two overlapping runs saves its state last, the next one loses nothing."""
    before = life.state
    first = life.threads(1)
    life.sync()
    after_first = life.state
    life.pass_time(minutes=10)
    second = life.threads(1)
    life.state = before
    assert sorted(life.sync().ids) == sorted(ids(first + second))
    life.state = after_first
    assert ids(second)[0] in life.sync().ids


@pytest.mark.parametrize("by_id", [False, True])
def test_resumes_the_first_listing(monkeypatch: pytest.MonkeyPatch, *, by_id: bool) -> None:
    """A first sync that is killed goes on at the page where it was."""
    set_runtime(monkeypatch, page_size=10)
    set_runtime(monkeypatch, state_interval=0)
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        lab.script(path="after=", skip=6, status=403, times=100)
        with pytest.raises(Exception, match="403"):
            life.sync(always_fetch_by_id=by_id, max_concurrency=1)
        assert life.threads_state["listing"] == "live"
        lab.emulator.faults.clear()
        life.pass_time(hours=2)
        lab.emulator.requests.clear()
        rest = life.sync(always_fetch_by_id=by_id, max_concurrency=1).ids
        assert rest == lab.ids[-len(rest) :]
        assert "after=" in lab.calls("sort=id")[0]
        assert len(rest) < len(lab.ids) - 10
        assert life.threads_state["listing"] == "done"


def test_bookmark_of_a_resumed_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a resumed listing the increment starts where the listing first began."""
    set_runtime(monkeypatch, page_size=10)
    set_runtime(monkeypatch, state_interval=0)
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        lab.script(path="after=", skip=3, status=403, times=100)
        with pytest.raises(Exception, match="403"):
            life.sync()
        lab.emulator.faults.clear()
        life.pass_time(minutes=30)
        early = lab.threads[0]
        lab.account.message(early, sent=True)
        life.pass_time(minutes=30)
        assert str(early.id) in life.sync().ids


def test_refused_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved cursor that HubSpot does not know any more restarts the listing of that side."""
    set_runtime(monkeypatch, page_size=10)
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        life.sync()
        life.threads_state.update(listing="live", listing_cursor="bad", replication_key_value=None)
        assert life.sync().ids == lab.ids


def test_settings_that_want_other_threads(life: Life) -> None:
    """When inbox_ids or start_date change, the account is listed anew; in another form, not."""
    inbox = [str(t.id) for t in life.lab.threads if t.inbox_id == HELP_DESK]
    assert life.sync(inbox_ids=[HELP_DESK]).ids == inbox
    assert life.sync(inbox_ids=[f" {HELP_DESK}.0", HELP_DESK]).ids == []
    wider = [str(t.id) for t in life.lab.threads if t.inbox_id in {HELP_DESK, CHAT}]
    assert life.sync(inbox_ids=[CHAT, HELP_DESK]).ids == wider
    assert life.sync(inbox_ids=[HELP_DESK, CHAT]).ids == []


def test_failed_threads_are_kept(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """A thread that cannot be read is tried again; in the third sync once only, with a warning."""
    (bad,) = life.threads(1)
    life.lab.script(path=f"/threads/{bad.id}", status=500, times=10**6)
    for syncs in (1, 2):
        with pytest.raises(IncompleteError, match=str(bad.id)):
            life.sync(max_attempts=1)
        assert life.threads_state["failed"] == [[str(bad.id), syncs]]
        life.pass_time(hours=1)
    life.lab.emulator.requests.clear()
    assert life.sync().ids == []
    assert len(life.lab.calls(str(bad.id))) == 1
    assert f"{bad.id} could not be read for 3 syncs in a row" in caplog.text
    life.lab.emulator.faults.clear()
    life.lab.emulator.requests.clear()
    assert life.sync().ids == ids([bad])
    assert life.threads_state["failed"] == []


def test_failed_threads_do_not_wedge(life: Life) -> None:
    """However many threads keep failing, the others come, and the bookmark moves on."""
    bad = life.threads(6)
    for thread in bad:
        life.lab.script(path=f"/threads/{thread.id}", status=500, times=10**6)
        life.threads(1)
    with pytest.raises(Exception, match="could not be read"):
        life.sync(max_attempts=1)
    for _ in range(2):
        life.pass_time(hours=1)
        new = life.threads(3)
        try:
            output = life.sync(max_attempts=1)
        except IncompleteError:
            output = life.last
        assert set(ids(new)) <= set(output.ids)
    assert len(life.threads_state["failed"]) == 6


def test_restored_in_between(life: Life) -> None:
    """A thread that is restored while both sides are listed is seen on one of them."""
    (restored,) = life.threads(1, archived=True)

    def restore(target: str) -> None:
        if "latestMessage" in target and "archived" not in target:
            restored.archived = False
            life.lab.emulator.before_answer = None

    life.lab.emulator.before_answer = restore
    assert life.sync().ids == ids([restored])


def test_full_table(life: Life) -> None:
    """Somebody who asks for FULL_TABLE in the catalog gets all threads each time."""
    catalog = select("threads")
    entry = next(entry for entry in catalog["streams"] if entry["stream"] == "threads")
    entry["replication_method"] = "FULL_TABLE"
    assert set(life.sync(catalog=catalog).ids) == set(life.lab.ids)


@pytest.mark.parametrize(
    "state",
    [
        {"value": {"bookmarks": {}}},
        {"bookmarks": None},
        {"bookmarks": {"thread": {}}},
        {"bookmarks": {"threads": None}},
        {"replication_key_value": "2026-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_states_of_another_kind(life: Life, state: dict[str, Any]) -> None:
    """What is no state of this tap is refused, and not taken for a first sync."""
    life.state = state
    with pytest.raises(StateError, match="full refresh"):
        life.sync()
    assert life.lab.calls() == []


def test_failed_thread_that_is_gone(life: Life) -> None:
    """A thread that could not be read and then is deleted is not tried for ever."""
    (bad,) = life.threads(1)
    life.lab.script(path=f"/threads/{bad.id}", status=500)
    with pytest.raises(IncompleteError):
        life.sync(max_attempts=1)
    del life.lab.account.threads[bad.id]
    life.sync()
    assert life.threads_state["failed"] == []


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"bookmarks": {"threads": {}}}])
def test_empty_states(lab: Lab, state: dict[str, Any]) -> None:
    """A state that keeps nothing means a first sync."""
    life = Life(lab, open_threads_max_calls=0)
    life.state = state
    assert life.sync().ids == lab.ids


def test_state_written_by_hand(life: Life) -> None:
    """A bookmark alone, in any form of a time, means: first what has changed since, then all."""
    bookmark = (life.now - timedelta(days=30)).isoformat()
    life.state = {"bookmarks": {"threads": {"replication_key_value": bookmark}}}
    since = life.now - timedelta(days=30, seconds=300)
    expected = [
        str(t.id)
        for t in sorted(life.lab.threads, key=lambda t: t.latest_message_at or NOON)
        if t.latest_message_at and t.latest_message_at >= since
    ]
    found = life.sync().ids
    assert sorted(found[: len(expected)]) == sorted(expected)
    assert found[len(expected) :] == [name for name in life.lab.ids if name not in expected]
    assert expected


def test_bookmark_in_the_future(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """A bookmark ahead of HubSpot's clock is set back to it, with a warning."""
    life.threads_state["replication_key_value"] = "2027-11-20T12:00:00.000Z"
    life.threads(1)
    assert len(life.sync().ids) == 1
    assert life.threads_state["replication_key_value"] == "2026-11-20T13:00:00.000Z"
    assert "ahead of HubSpot's clock" in caplog.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("replication_key", "createdAt"),
        ("replication_key_value", "yesterday"),
        ("replication_key_value", 17),
        ("replication_key_value", "0001-01-01T00:00:00Z"),
        ("listing", "half"),
        ("listing_cursor", 5),
        ("failed", {"17": 1}),
        ("failed", [["../17", 1]]),
        ("partitions", [{"context": {}}]),
    ],
)
def test_unknown_states(life: Life, key: str, value: object) -> None:
    """A state of an unknown shape is refused, with what to do, and never a silent full sync."""
    life.threads_state[key] = value
    with pytest.raises(StateError, match=rf"bookmarks\.threads\.{key} .*full refresh"):
        life.sync()
    assert life.lab.calls() == []


def test_state_is_merge_safe(life: Life) -> None:
    """Every STATE has the same keys, so that merging it over an older one leaves nothing behind."""
    keys = set(life.threads_state)
    life.state = {}
    states = [message["value"]["bookmarks"]["threads"] for message in life.sync().of_type("STATE")]
    assert all(set(state) - {"starting_replication_value"} == keys for state in states)
    text = json.dumps(states[-1])
    assert len(text) < 1_500
    # A target reads a fraction as a decimal, and cannot write it again.
    assert json.loads(text, parse_float=lambda _: None) == states[-1]


def test_configured_ids_keep_nothing(lab: Lab) -> None:
    """With configured ids there is no bookmark: every sync reads them all."""
    life = Life(lab, open_threads_max_calls=0)
    for _ in range(2):
        assert life.sync(thread_ids=lab.live_ids[:3]).ids == lab.live_ids[:3]
        assert life.state == {"bookmarks": {"threads": {}}}


def requests(life: Life) -> list[str]:
    """Return what was asked since, in short: the last word of each path, without ids."""
    names = []
    for target in life.lab.calls():
        path, _, query = target.partition("?")
        words = [word for word in path.split("/") if word and not word.isdigit()]
        names.append("by time" if "latestMessageTimestampAfter" in query else words[-1])
    return names


EVERYTHING = ("threads", "messages", "actors", "inboxes", "channels", "channel_accounts")


def test_phases_in_their_order(life: Life) -> None:
    """Changed threads, then lists, then the messages of threads from before."""
    life.threads(1)
    output = life.sync(select(*EVERYTHING), max_concurrency=1)
    asked = requests(life)
    lists = [asked.index(name) for name in ("inboxes", "channels", "channel-accounts")]
    walk = len(asked) - asked[::-1].index("by time")
    assert asked.index("by time") < min(lists) <= max(lists) < walk
    assert "messages" in asked[walk:]
    streams = [message["stream"] for message in output.of_type("RECORD")]
    assert streams[0] == "threads"
    assert "messages" in streams[: streams.index("inboxes")]
    assert "messages" in streams[streams.index("channel_accounts") :]


def test_messages_selected_later(life: Life) -> None:
    """Selected later, the messages of all threads that have one come, each thread's once."""
    output = life.sync(select("threads", "messages"))
    assert output.ids == []
    threads = {
        str(thread.id) for thread in life.lab.threads if thread.latest_message_at is not None
    }
    calls = [target for target in life.lab.calls(r"/messages\?") if "after=" not in target]
    assert sorted(target.split("/")[-2] for target in calls) == sorted(threads)
    bookmark = life.state["bookmarks"]["messages"]["replication_key_value"]
    assert bookmark == life.threads_state["replication_key_value"]


def test_quiet_account_with_messages(life: Life) -> None:
    """Once all are out, a quiet account costs what it costs without messages."""
    life.sync(select("threads", "messages"))
    life.pass_time(hours=1)
    life.lab.emulator.requests.clear()
    assert life.sync(select("threads", "messages")).of_type("RECORD") == []
    assert len(life.lab.calls()) == 3


def test_refused_list_and_the_backfill(life: Life) -> None:
    """A list that is refused is the end's error, and the messages from before come all the same."""
    life.lab.script(path="/inboxes", status=403, times=10**6)
    with pytest.raises(IncompleteError, match="inboxes"):
        life.sync(select(*EVERYTHING))
    assert life.last.records("messages")
    assert life.last.records("channels")
    assert life.state["bookmarks"]["messages"]["replication_key_value"] is not None


def test_threads_again_after_messages_alone(life: Life) -> None:
    """After a sync of messages alone the next with threads brings all rows, and no message."""
    life.sync(select("threads", "messages"))
    life.pass_time(hours=1)
    (new,) = life.threads(1)
    life.pass_time(minutes=10)  # beyond the lookback
    output = life.sync(select("messages"))
    assert output.ids == []
    assert {row["conversationsThreadId"] for row in output.records("messages")} == {str(new.id)}
    assert life.threads_state["full_listing_started_at"] is None
    life.pass_time(hours=1)
    output = life.sync(select("threads", "messages"))
    assert set(output.ids) == set(life.lab.ids)
    assert output.records("messages") == []
    assert life.threads_state["full_listing_started_at"] == "2026-11-20T15:10:00.000Z"


def test_changed_threads_of_messages_alone(life: Life) -> None:
    """Without threads a changed thread is taken as listed: no call by id is paid."""
    life.sync(select("messages"))
    life.pass_time(hours=1)
    life.threads(2)
    life.lab.emulator.requests.clear()
    life.sync(select("messages"))
    assert requests(life) == ["by time"] * 3 + ["messages"] * 2
