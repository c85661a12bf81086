"""Syncs of the whole account: their records, their API calls and their state."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.data.thread import CHAT, HELP_DESK
from tap_hubspot_threads.errors import HubSpotError, IncompleteError, StateError
from tests.conftest import NOON, Lab, Life, ids, open_lab, select, set_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def life() -> Iterator[Life]:
    """A small account, synced an hour ago."""
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        life.sync()
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        yield life


def test_quiet_account(life: Life) -> None:
    """A sync of an unchanged account costs four API calls and emits no record."""
    assert life.sync().ids == []
    assert len(life.lab.calls()) == 4


def test_changed_threads(life: Life) -> None:
    """Only threads with a new message are emitted, live and archived ones."""
    old = life.lab.threads[:3]
    archived = life.lab.threads[-1]
    for thread in [*old, archived]:
        life.pass_time(seconds=1)
        life.lab.account.message(thread, sent=True)
    new = life.threads(2)
    output = life.sync()
    assert sorted(output.ids) == sorted(ids([*old, archived, *new]))
    life.pass_time(hours=1)
    assert life.sync().ids == []
    assert life.sync().ids == []


def test_bookmark_is_hubspots_clock(life: Life) -> None:
    """The bookmark is HubSpot's clock at the start of the increment, not this machine's."""
    life.sync()
    assert life.threads_state["replication_key"] == "latestMessageTimestamp"
    assert life.threads_state["replication_key_value"] == "2026-11-20T13:00:00.000Z"


def test_lookback(life: Life) -> None:
    """A message that HubSpot indexes late is found within the lookback, in an old thread too."""
    late = life.lab.threads[0]
    life.sync()
    late.received_at = life.now - timedelta(seconds=200)
    life.pass_time(seconds=60)
    assert life.sync(lookback_seconds=120).ids == []
    assert life.sync(lookback_seconds=300).ids == ids([late])
    assert life.sync(lookback_seconds=300).ids == []


def test_late_new_thread(life: Life) -> None:
    """A new thread is found, however old its message is and with any lookback."""
    (late,) = life.threads(1)
    late.received_at = life.now - timedelta(days=30)
    assert life.sync(lookback_seconds=120).ids == ids([late])


@pytest.mark.parametrize("offset_cursors", [False, True])
def test_many_in_one_millisecond(life: Life, *, offset_cursors: bool) -> None:
    """1,200 threads whose latest message is in one millisecond are all emitted, once each."""
    life.lab.account.offset_cursors = offset_cursors
    made = life.threads(1_200)
    life.pass_time(milliseconds=1)
    made += life.threads(3)
    output = life.sync(max_concurrency=16)
    assert sorted(output.ids) == sorted(ids(made))


def test_moves_between_pages(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that get a message between two pages are neither lost nor push others out."""
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


def test_deleted_or_archived_after_the_list(life: Life) -> None:
    """A thread deleted or archived after it was listed does not affect the others."""
    deleted, archived, stays = life.threads(3)

    def change(target: str) -> None:
        if str(deleted.id) in target:
            life.lab.account.threads.pop(deleted.id, None)
        if str(archived.id) in target:
            archived.archived = True

    life.lab.emulator.before_answer = change
    records = life.sync().records()
    assert sorted(record["id"] for record in records) == ids([archived, stays])
    assert [record["archived"] for record in records if record["id"] == str(archived.id)] == [True]


def test_cost_of_an_increment() -> None:
    """80 changed threads among 2,600 cost at most 90 API calls."""
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


def test_overlapping_runs(life: Life) -> None:
    """Whichever of two overlapping runs saves its state last, the next run loses nothing."""
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
    """An interrupted first sync resumes with the ranges that it has not read."""
    set_runtime(monkeypatch, page_size=10)
    set_runtime(monkeypatch, state_interval=0)
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        lab.script(path="after=", skip=6, status=403, times=100)
        with pytest.raises(Exception, match="403"):
            life.sync(always_fetch_by_id=by_id, max_concurrency=1)
        assert life.threads_state["listing_ranges"]
        first = life.last.ids
        lab.emulator.faults.clear()
        life.pass_time(hours=2)
        lab.emulator.requests.clear()
        rest = life.sync(always_fetch_by_id=by_id, max_concurrency=1).ids
        assert set(first) | set(rest) == set(lab.ids)
        assert len(rest) < len(lab.ids) - 10
        assert all(
            "after=" in target for target in lab.calls("sort=id") if "archived" not in target
        )
        assert life.threads_state["listing_ranges"] == []


def test_bookmark_of_a_resumed_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a resumed first listing, the increment starts where that listing first started."""
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


def test_resumed_first_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that resumes the first sync reads new messages first, then the rest of the list."""
    set_runtime(monkeypatch, page_size=10)
    set_runtime(monkeypatch, state_interval=0)
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        lab.script(path="after=", skip=3, status=403, times=100)
        with pytest.raises(Exception, match="403"):
            life.sync(max_concurrency=1)
        bookmark = life.threads_state["replication_key_value"]
        lab.emulator.faults.clear()
        life.pass_time(hours=2)
        (new,) = life.threads(1)
        lab.emulator.requests.clear()
        assert life.sync().ids[0] == str(new.id)
        assert "latestMessageTimestampAfter" in lab.calls()[0]
        assert life.threads_state["replication_key_value"] > bookmark


def test_new_messages_before_changed_filters(life: Life) -> None:
    """After a change of filters, new messages are read first, and the bookmark stays."""
    life.threads(2)
    output = life.sync(inbox_ids=[HELP_DESK, CHAT])
    assert "latestMessageTimestampAfter" in life.lab.calls()[0]
    wanted = [t for t in life.lab.threads if t.inbox_id in {HELP_DESK, CHAT}]
    assert set(output.ids) == set(ids(wanted))
    assert life.threads_state["replication_key_value"] == "2026-11-20T13:00:00.000Z"


def test_refused_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """If HubSpot refuses a saved cursor, the listing starts over."""
    set_runtime(monkeypatch, page_size=10)
    with open_lab() as lab:
        life = Life(lab, open_threads_max_calls=0)
        life.sync()
        life.threads_state.update(
            listing_ranges=[["live", "0", None], ["archived", "0", None]], listing_cursor="bad"
        )
        assert sorted(life.sync().ids) == sorted(lab.ids)


def test_changed_filters(life: Life) -> None:
    """Other `inbox_ids` list the account again; the same IDs in another form do not."""
    inbox = [str(t.id) for t in life.lab.threads if t.inbox_id == HELP_DESK]
    assert life.sync(inbox_ids=[HELP_DESK]).ids == inbox
    assert life.sync(inbox_ids=[f" {HELP_DESK}.0", HELP_DESK]).ids == []
    wider = [str(t.id) for t in life.lab.threads if t.inbox_id in {HELP_DESK, CHAT}]
    assert life.sync(inbox_ids=[CHAT, HELP_DESK]).ids == wider
    assert life.sync(inbox_ids=[HELP_DESK, CHAT]).ids == []


def test_failed_thread_is_retried(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """A failed thread is retried by each sync; the third one makes one attempt and warns."""
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


def test_failed_threads_block_nothing(life: Life) -> None:
    """However many threads keep failing, the others are emitted and the bookmark moves."""
    bad = life.threads(6)
    for thread in bad:
        life.lab.script(path=f"/threads/{thread.id}", status=500, times=10**6)
        life.threads(1)
    with pytest.raises(HubSpotError, match="failed 5 times in a row"):
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


def test_restored_between_the_lists(life: Life) -> None:
    """A thread restored between the archived and the live list is emitted once."""
    (restored,) = life.threads(1, archived=True)

    def restore(target: str) -> None:
        if "latestMessage" in target and "archived" not in target:
            restored.archived = False
            life.lab.emulator.before_answer = None

    life.lab.emulator.before_answer = restore
    assert life.sync().ids == ids([restored])


def test_full_table(life: Life) -> None:
    """FULL_TABLE in the catalog emits all threads in each sync."""
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
def test_foreign_states(life: Life, state: dict[str, Any]) -> None:
    """Another tap's state is refused and starts no first sync."""
    life.state = state
    with pytest.raises(StateError, match="full refresh"):
        life.sync()
    assert life.lab.calls() == []


def test_failed_thread_is_deleted(life: Life) -> None:
    """A failed thread that is then deleted is forgotten once two syncs have not found it."""
    (bad,) = life.threads(1)
    life.lab.script(path=f"/threads/{bad.id}", status=500)
    with pytest.raises(IncompleteError):
        life.sync(max_attempts=1)
    del life.lab.account.threads[bad.id]
    life.sync()
    assert life.threads_state["failed"] == [[str(bad.id), 0]]
    life.sync()
    assert life.threads_state["failed"] == []


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"bookmarks": {"threads": {}}}])
def test_empty_states(lab: Lab, state: dict[str, Any]) -> None:
    """An empty state starts a first sync."""
    life = Life(lab, open_threads_max_calls=0)
    life.state = state
    assert life.sync().ids == lab.ids


def test_state_written_by_hand(life: Life) -> None:
    """A bookmark alone starts an increment from that time, then a full listing."""
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
    """A bookmark ahead of HubSpot's clock is reset to it, with a warning."""
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
        ("listing_ranges", "half"),
        ("listing_cursor", 5),
        ("failed", {"17": 1}),
        ("failed", [["../17", 1]]),
        ("partitions", [{"context": {}}]),
    ],
)
def test_invalid_states(life: Life, key: str, value: object) -> None:
    """An invalid state is refused with advice, and starts no first sync."""
    life.threads_state[key] = value
    with pytest.raises(StateError, match=rf"bookmarks\.threads\.{key} .*full refresh"):
        life.sync()
    assert life.lab.calls() == []


def test_state_is_merge_safe(life: Life) -> None:
    """Every STATE has the same keys, so that merging it into an older one keeps no stale value."""
    keys = set(life.threads_state)
    life.state = {}
    states = [message["value"]["bookmarks"]["threads"] for message in life.sync().of_type("STATE")]
    assert all(set(state) - {"starting_replication_value"} == keys for state in states)
    text = json.dumps(states[-1])
    assert len(text) < 1_500
    # Targets read fractions as decimals that they cannot write.
    assert json.loads(text, parse_float=lambda _: None) == states[-1]


def test_configured_ids_keep_no_state(lab: Lab) -> None:
    """With configured IDs there is no bookmark, and every sync reads them all."""
    life = Life(lab, open_threads_max_calls=0)
    for _ in range(2):
        assert life.sync(thread_ids=lab.live_ids[:3]).ids == lab.live_ids[:3]
        assert life.state == {"bookmarks": {"threads": {}}}


def requests(life: Life) -> list[str]:
    """Return the last path segment of each API call, without IDs."""
    names = []
    for target in life.lab.calls():
        path, _, query = target.partition("?")
        parts = [part for part in path.split("/") if part and not part.isdigit()]
        names.append("by time" if "latestMessageTimestampAfter" in query else parts[-1])
    return names


ALL_STREAMS = ("threads", "messages", "actors", "inboxes", "channels", "channel_accounts")


def test_phase_order(life: Life) -> None:
    """Changed threads come first, then reference lists, then the message backfill."""
    life.threads(1)
    output = life.sync(select(*ALL_STREAMS), max_concurrency=1)
    names = requests(life)
    lists = [names.index(name) for name in ("inboxes", "channels", "channel-accounts")]
    backfill = len(names) - names[::-1].index("by time")
    assert names.index("by time") < min(lists) <= max(lists) < backfill
    assert "messages" in names[backfill:]
    streams = [message["stream"] for message in output.of_type("RECORD")]
    assert streams[0] == "threads"
    assert "messages" in streams[: streams.index("inboxes")]
    assert "messages" in streams[streams.index("channel_accounts") :]


def test_messages_selected_later(life: Life) -> None:
    """Messages selected later are backfilled, and each thread's are read once."""
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
    """After the backfill, messages add no API call to a sync of an unchanged account."""
    life.sync(select("threads", "messages"))
    life.pass_time(hours=1)
    life.lab.emulator.requests.clear()
    assert life.sync(select("threads", "messages")).of_type("RECORD") == []
    assert len(life.lab.calls()) == 4


def test_refused_list_and_the_backfill(life: Life) -> None:
    """A refused list is an error at the end and does not stop the backfill."""
    life.lab.script(path="/inboxes", status=403, times=10**6)
    with pytest.raises(IncompleteError, match="inboxes"):
        life.sync(select(*ALL_STREAMS))
    assert life.last.records("messages")
    assert life.last.records("channels")
    assert life.state["bookmarks"]["messages"]["replication_key_value"] is not None


def test_threads_after_messages_alone(life: Life) -> None:
    """After a sync of `messages` alone, the next sync with `threads` emits all threads."""
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
    """Without `threads`, a changed thread costs no call by ID."""
    life.sync(select("messages"))
    life.pass_time(hours=1)
    life.threads(2)
    life.lab.emulator.requests.clear()
    life.sync(select("messages"))
    assert sorted(requests(life)) == ["by time"] * 3 + ["messages"] * 2 + ["threads"]
