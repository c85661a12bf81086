"""Messages, actors and reference lists, in whole syncs."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

import pytest

from emulator.data.account import Account
from emulator.endpoints.actors import actor_payloads
from emulator.limits import RollingLimit
from tap_hubspot_threads.errors import HubSpotError, IncompleteError
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS
from tap_hubspot_threads.sync.state.validation import check_state
from tests.conftest import Lab, Life, Output, ids, open_lab, select

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.data.message import Message
    from emulator.data.thread import Thread

NAMES = tuple(listed.name for listed in REFERENCE_LISTS)
ALL = ("threads", "deleted_threads", "messages", "actors", *NAMES)
MESSAGES = r"/threads/\d+/messages"
SECRET = "Frau-Sommer-hat-Husten"


@pytest.fixture
def life() -> Iterator[Life]:
    """An account whose streams were all read an hour ago."""
    with open_lab(Account.sample(250)) as lab:
        life = Life(lab)
        life.sync(select(*ALL))
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        yield life


def add_messages(life: Life, *threads: Thread) -> None:
    """Add a message to each thread, an hour before the next sync."""
    for thread in threads:
        life.lab.account.message(thread, sent=False)
    life.pass_time(hours=1)


def messages_of(lab: Lab, *threads: Thread) -> set[str]:
    """Return the IDs of the messages that HubSpot shows for these threads."""
    return {message.id for thread in threads for message in lab.account.messages(thread)}


def message_ids(output: Output) -> set[str]:
    """Return the IDs of the emitted messages."""
    return {record["id"] for record in output.records("messages")}


def closed_threads(life: Life, count: int = 1) -> list[Thread]:
    """Return closed live threads, which no open-thread check reads."""
    return [t for t in life.lab.threads if t.closed_at and not t.archived][:count]


def add_truncated_message(life: Life, thread: Thread) -> Message:
    """Add a message whose text HubSpot truncates."""
    message = life.lab.account.message(thread, sent=False, text="Only the be")
    message.more = message.more | {"truncationStatus": "TRUNCATED"}
    message.original = {"text": "Only the beginning", "richText": "<p>Only the beginning</p>"}
    return message


def test_first_sync() -> None:
    """A first sync emits every message, every actor that is named, and every reference list."""
    with open_lab(Account.sample(60)) as lab:
        output = lab.sync(select(*ALL))
        assert message_ids(output) == messages_of(lab, *lab.threads)
        actors = {record["id"] for record in output.records("actors")}
        assert actors == actor_payloads(lab.account, *lab.threads).keys()
        for name in NAMES:
            found = {record["id"] for record in output.records(name)}
            assert found == {str(row["id"]) for row in lab.account.lists[name.replace("_", "-")]}


@pytest.mark.parametrize("mode", ["refused", "ignores the filter"])
def test_archived_threads_that_are_not_listed_by_time(
    mode: Literal["refused", "ignores the filter"],
) -> None:
    """The backfill and the full listing then read the messages of archived threads, once."""
    with open_lab(Account.sample(250)) as lab:
        lab.account.behavior.archived_by_time = mode
        life = Life(lab)
        assert message_ids(life.sync(select(*ALL))) == messages_of(lab, *lab.threads)
        (thread,) = closed_threads(life)
        add_messages(life, thread)
        thread.archived = True
        assert message_ids(life.sync(select(*ALL))) == set()
        life.pass_time(hours=24)
        assert message_ids(life.sync(select(*ALL))) == messages_of(lab, thread)
        life.pass_time(days=2)
        assert message_ids(life.sync(select(*ALL))) == set()


def test_messages_follow_their_thread() -> None:
    """The messages of a thread follow its record, oldest first."""
    with open_lab() as lab:
        thread_ids = lab.live_ids[:9]
        output = lab.sync(select("threads", "messages"), thread_ids=thread_ids)
    seen: list[tuple[str, str]] = []
    for message in output.of_type("RECORD"):
        row = message["record"]
        is_thread = message["stream"] == "threads"
        seen.append(
            (row["id"], "") if is_thread else (row["conversationsThreadId"], row["createdAt"])
        )
    assert seen == sorted(seen, key=lambda item: (thread_ids.index(item[0]), item[1]))


def test_cost_of_an_increment(life: Life) -> None:
    """20 changed threads among 250 cost at most 90 API calls with every stream selected."""
    changed = closed_threads(life, 20)
    add_messages(life, *changed)
    output = life.sync(select(*ALL))
    assert message_ids(output) == messages_of(life.lab, *changed)
    assert len(life.lab.emulator.requests) <= 90
    life.lab.emulator.requests.clear()
    life.sync()
    calls_without_changes = len(life.lab.emulator.requests)
    add_messages(life, *changed)
    life.lab.emulator.requests.clear()
    life.sync()
    assert len(life.lab.emulator.requests) == calls_without_changes + 20


def test_unchanged_threads(life: Life) -> None:
    """A quiet sync reads no messages, and neither does a full listing that emits every thread."""
    life.sync(select(*ALL))
    assert life.lab.calls(MESSAGES) == []
    life.pass_time(days=2)
    assert len(life.sync(select(*ALL)).ids) == 250
    assert life.lab.calls(MESSAGES) == []


def test_silent_change_of_an_open_thread(life: Life) -> None:
    """A silent change of an open thread emits the event that describes the change."""
    thread = next(t for t in life.lab.threads if not t.closed_at and not t.archived)
    event = life.lab.account.close(thread)
    assert event.id in message_ids(life.sync(select(*ALL)))


def test_silently_reopened_thread(life: Life) -> None:
    """The full listing that finds a silently reopened thread also reads its messages."""
    (thread,) = closed_threads(life)
    event = life.lab.account.reopen(thread)
    life.pass_time(days=2)
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, thread)
    assert event.id in messages_of(life.lab, thread)


def test_messages_selected_later() -> None:
    """Messages selected later are all backfilled, with one pass through the threads by time."""
    with open_lab() as lab:
        life = Life(lab)
        life.sync()
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        life.sync()
        calls_without_changes = len(lab.emulator.requests)
        lab.emulator.requests.clear()
        life.pass_time(hours=1)
        output = life.sync(select("threads", "messages"))
        with_message = [thread for thread in lab.threads if thread.latest_message_at]
        assert message_ids(output) == messages_of(lab, *with_message)
        assert len(lab.calls(MESSAGES)) == len(with_message)
        assert output.ids == []
        pages = len(lab.calls(r"sort=latestMessageTimestamp"))
        assert len(lab.emulator.requests) == calls_without_changes + len(with_message) + pages - 3


def test_messages_deselected_for_a_week(life: Life) -> None:
    """Messages that came while the stream was not selected are read when it is, and no others."""
    threads = closed_threads(life, 3)
    for thread in threads:
        add_messages(life, thread)
        life.pass_time(days=3)
        life.sync()
    life.lab.emulator.requests.clear()
    life.pass_time(hours=1)
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, *threads)
    assert len(life.lab.calls(MESSAGES)) == 3


def test_messages_alone(life: Life) -> None:
    """`messages` alone reads no thread; the next sync with `threads` emits them all."""
    for thread in closed_threads(life, 2):
        add_messages(life, thread)
        assert message_ids(life.sync(select("messages"))) == messages_of(life.lab, thread)
        assert life.lab.calls(rf"/threads/{thread.id}\?") == []
        assert life.threads_state["full_listing_started_at"] is None
    assert set(life.sync().ids) == set(life.lab.ids)


@pytest.mark.parametrize("streams", [("inboxes",), ("channels", "channel_accounts"), ("actors",)])
def test_any_selection(life: Life, streams: tuple[str, ...]) -> None:
    """Any stream can be synced alone, without API calls for other streams."""
    threads = closed_threads(life, 3)
    for thread in threads:
        thread.assigned_to = "A-2620022"
    add_messages(life, *threads)
    output = life.sync(select(*streams))
    assert {message["stream"] for message in output.of_type("RECORD")} == set(streams)
    assert life.lab.calls(MESSAGES) == []
    requested = {name: life.lab.calls(f"/{name.replace('_', '-')}") for name in NAMES}
    assert {name for name, calls in requested.items() if calls} == set(streams) - {"actors"}


def test_configured_ids(lab: Lab) -> None:
    """With configured IDs exactly their messages are read, with one API call per thread."""
    found = lab.threads[:5]
    output = lab.sync(select("messages"), thread_ids=ids(found))
    assert message_ids(output) == messages_of(lab, *found)
    assert len(lab.emulator.requests) == 5


def test_configured_id_not_found(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A configured ID that is not found logs a warning with `messages` alone too."""
    output = lab.sync(select("messages"), thread_ids=[*ids(lab.threads[:2]), "17"])
    assert message_ids(output) == messages_of(lab, *lab.threads[:2])
    assert "1 thread(s) not found, neither live nor archived: 17" in caplog.text


def test_thread_deleted_before_its_messages(life: Life) -> None:
    """A thread deleted between its record and its messages does not fail the sync."""
    (thread,) = closed_threads(life)
    account = life.lab.account
    account.message(thread, sent=True)

    def delete(target: str) -> None:
        if "/messages" in target and thread.id in account.threads:
            account.delete(thread)

    life.lab.emulator.before_answer = delete
    output = life.sync(select(*ALL))
    assert ids([thread]) == output.ids
    assert output.records("messages") == []


def test_unavailable_messages(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A 404 for the messages of existing threads is one warning and does not fail the sync."""
    lab.account.behavior.messages_of_archived = "404"
    output = lab.sync(select(*ALL))
    live = [thread for thread in lab.threads if not thread.archived]
    archived = len(lab.threads) - len(live)
    assert message_ids(output) == messages_of(lab, *live)
    assert f"HubSpot has {archived} thread(s) but returns 404 for their messages" in caplog.text


def test_failed_messages(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """Failed messages are an error in two syncs, then a warning, until a read succeeds."""
    bad, good = closed_threads(life, 2)
    for thread in (bad, good):
        life.lab.account.message(thread, sent=True)
    life.lab.script(path=f"/threads/{bad.id}/messages", status=400, times=100)
    for time in range(3):
        if time < 2:
            with pytest.raises(
                IncompleteError, match=rf"the messages of 1 thread.* {bad.id}"
            ) as error:
                life.sync(select(*ALL))
            assert error.value.exit_code == 1
        else:
            life.sync(select(*ALL))
            assert f"The messages of thread {bad.id} could not be read for 3" in caplog.text
        life.pass_time(hours=1)
        if not time:
            assert message_ids(life.last) == messages_of(life.lab, good)
    life.sync()
    assert life.state["bookmarks"]["messages"]["failed"] == [[str(bad.id), 3]]
    life.lab.emulator.faults.clear()
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, bad)
    assert life.state["bookmarks"]["messages"]["failed"] == []


@pytest.mark.usefixtures("waits")
def test_all_messages_fail(life: Life) -> None:
    """If no messages can be read, the sync ends early, and the next sync reads them all."""
    changed = closed_threads(life, 30)
    for thread in changed:
        life.lab.account.message(thread, sent=True)
    life.lab.script(path="/messages", status=503, times=10_000)
    life.lab.emulator.requests.clear()
    with pytest.raises(HubSpotError, match="messages failed 5 times in a row") as error:
        life.sync(select(*ALL), max_attempts=1, max_concurrency=1)
    assert error.value.exit_code == 75
    # Five threads and the prefetched ones, each with two attempts per page size.
    assert len(life.lab.calls(MESSAGES)) < 10 * 8
    life.lab.emulator.faults.clear()
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, *changed)


@pytest.mark.usefixtures("waits")
def test_all_messages_fail_in_a_full_listing(life: Life) -> None:
    """The sync ends. Its error does not say that the listing is stuck and other phases ran."""
    changed = [thread for thread in life.lab.account.threads.values() if thread.status == "OPEN"]
    life.sync(select(*ALL))
    for thread in changed:
        thread.assigned_to = "A-7"
    life.pass_time(hours=25)
    life.lab.script(path="/messages", status=503, times=10_000)
    with pytest.raises(HubSpotError, match="messages failed 5 times in a row") as error:
        life.sync(select(*ALL), max_attempts=1)
    assert "stuck" not in str(error.value)
    life.lab.emulator.faults.clear()
    life.sync(select(*ALL))
    assert {*message_ids(life.last)} >= {*messages_of(life.lab, *changed)}


def test_failed_thread_leaves_its_messages_pending(life: Life) -> None:
    """A failed thread's messages stay pending if a sync without `messages` reads the thread."""
    (thread,) = closed_threads(life)
    add_messages(life, thread)
    life.lab.script(path=rf"/threads/{thread.id}\?", status=400, times=1)
    with pytest.raises(IncompleteError):
        life.sync(select(*ALL))
    life.pass_time(hours=2)
    assert ids([thread]) == life.sync().ids
    life.pass_time(hours=1)
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, thread)


def test_long_thread(life: Life) -> None:
    """A thread of 700 messages is read in full, even with pages of 100."""
    (thread,) = closed_threads(life)
    life.lab.account.conversations.fill(thread, 700)
    life.lab.account.behavior.max_messages = 100
    life.lab.account.message(thread, sent=True)
    output = life.sync(select(*ALL))
    assert message_ids(output) == messages_of(life.lab, thread)
    assert len(output.records("messages")) > 700


def test_message_added_between_pages(life: Life) -> None:
    """Messages added while a thread's pages are read are emitted too."""
    (thread,) = closed_threads(life)
    account = life.lab.account
    account.conversations.fill(thread, 20)
    account.behavior.cap = 7
    account.message(thread, sent=True)
    added: list[Message] = []

    def add(target: str) -> None:
        if "/messages" in target and len(added) < 2:
            added.append(account.message(thread, sent=False))

    life.lab.emulator.before_answer = add
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, thread)


def test_backfill_over_several_days() -> None:
    """The backfill leaves 20% of the daily quota, ends normally, and resumes the next day."""
    limit = RollingLimit(maximum=1_000_000, daily=200)
    with open_lab(Account.sample(400), limit=limit) as lab:
        life, loaded = Life(lab), set[str]()
        for _ in range(5):
            limit.used_today = 0
            (thread,) = closed_threads(life)
            if loaded:
                add_messages(life, thread)
            output = life.sync(select("threads", "messages"), max_concurrency=1)
            assert not loaded or messages_of(lab, thread) <= message_ids(output)
            loaded |= message_ids(output)
            assert limit.used_today <= 0.8 * limit.daily + 5
            life.pass_time(days=1)
        assert loaded >= messages_of(lab, *(t for t in lab.threads if t.latest_message_at))
        assert len(loaded) > 1_000


def test_messages_dated_to_the_epoch() -> None:
    """The backfill reads the messages of a thread with the timestamp 0."""
    with open_lab() as lab:
        thread = closed_threads(Life(lab))[0]
        thread.received_at, thread.sent_at = datetime.fromtimestamp(0, timezone.utc), None
        row = next(row for row in lab.sync().records() if row["id"] == str(thread.id))
        assert row["latestMessageTimestamp"] == "1970-01-01T00:00:00.000Z"
        loaded = message_ids(lab.sync(select("threads", "messages")))
        assert messages_of(lab, thread) <= loaded


def test_progress_of_the_backfill_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The last log line says how far a backfill got before the quota ended it."""
    caplog.set_level(logging.INFO)
    with open_lab(limit=RollingLimit(maximum=1_000_000, daily=60)) as lab:
        lab.sync(select("threads", "messages"), max_concurrency=1)
    last = caplog.messages[-1]
    assert " of about 80 threads; the next sync resumes it. " in last


def test_truncated_messages(life: Life) -> None:
    """With `fetch_original_content`, the full text of a truncated message is read."""
    (thread,) = closed_threads(life)
    texts = {}
    for is_full in (False, True):
        message = add_truncated_message(life, thread)
        rows = life.sync(select(*ALL), fetch_original_content=is_full).records("messages")
        texts[is_full] = {row["id"]: row["text"] for row in rows}
        life.pass_time(hours=2)
    assert set(texts[False].values()) >= {"Only the be"}
    assert texts[True][message.id] == "Only the beginning"
    assert len(life.lab.calls("original-content")) == 2


def test_failed_full_text(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """If a full text cannot be read, the truncated text is emitted, with a warning."""
    (thread,) = closed_threads(life)
    message = add_truncated_message(life, thread)
    life.lab.script(path="original-content", status=400, times=9)
    output = life.sync(select(*ALL), fetch_original_content=True)
    texts = {row["id"]: row["text"] for row in output.records("messages")}
    assert texts[message.id] == "Only the be"
    assert "1 message(s) are truncated" in caplog.text


def test_no_full_text_without_text_columns(life: Life) -> None:
    """Without the text columns selected, no full text is read."""
    (thread,) = closed_threads(life)
    add_truncated_message(life, thread)
    catalog = select(*ALL)
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] in (["properties", "text"], ["properties", "richText"]):
                meta["metadata"]["selected"] = False
    output = life.sync(catalog, fetch_original_content=True)
    assert all("text" not in row for row in output.records("messages"))
    assert life.lab.calls("original-content") == []


def test_failed_actor(life: Life) -> None:
    """A failed actor is counted, the others are emitted, and the state advances."""
    (thread,) = closed_threads(life)
    thread.assigned_to = "A-666"
    life.lab.account.poisoned_actors.add("A-666")
    add_messages(life, thread)
    with pytest.raises(IncompleteError, match=r"Could not read 1 actor\(s\);") as error:
        life.sync(select(*ALL))
    assert error.value.exit_code == 1
    expected = actor_payloads(life.lab.account, thread).keys() - {"A-666"}
    assert expected <= {row["id"] for row in life.last.records("actors")}
    life.pass_time(hours=1)
    assert life.sync(select(*ALL)).ids == []


def test_refused_list(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """A refused list is logged, and all other streams are loaded."""
    life.lab.account.message(closed_threads(life)[0], sent=True)
    life.lab.script(path="/channels", status=403, body='{"category": "MISSING_SCOPES"}', times=9)
    with pytest.raises(
        IncompleteError,
        match=r"Could not read the stream\(s\) channels; everything else was synced",
    ):
        life.sync(select(*ALL))
    assert "Could not read channels: GET /channels: 403" in caplog.text
    assert life.last.records("inboxes")
    assert life.last.records("channel_accounts")
    assert life.last.records("messages")


def test_full_table_of_messages(life: Life) -> None:
    """FULL_TABLE for `messages` has no effect, because every catalog has it."""
    catalog = select(*ALL)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "messages":
            entry["replication_method"] = "FULL_TABLE"
    life.sync(catalog)
    assert life.lab.calls(MESSAGES) == []


def test_full_table_of_threads_reads_all_messages(life: Life) -> None:
    """FULL_TABLE for `threads` clears both bookmarks and adds no key to the state."""
    catalog = select(*ALL)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "threads":
            entry["replication_method"] = "FULL_TABLE"
            for meta in entry["metadata"]:
                if meta["breadcrumb"] == []:
                    meta["metadata"]["replication-method"] = "FULL_TABLE"
    assert message_ids(life.sync(catalog)) == messages_of(life.lab, *life.lab.threads)
    check_state(life.state)


def test_alias_of_a_stream_map(life: Life) -> None:
    """A stream map that renames the stream does not change the state."""
    (thread,) = closed_threads(life)
    add_messages(life, thread)
    maps = {"messages": {"__alias__": "letters"}}
    output = life.sync(select(*ALL), stream_maps=maps)
    assert {row["id"] for row in output.records("letters")} == messages_of(life.lab, thread)
    life.pass_time(hours=1)
    life.lab.emulator.requests.clear()
    life.sync(select(*ALL), stream_maps=maps)
    assert life.lab.calls(MESSAGES) == []


def test_private_text_stays_in_records(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """No log line at any level, no error and no state contains message text."""
    caplog.set_level(logging.DEBUG)
    bad, good = closed_threads(life, 2)
    for thread in (bad, good):
        life.lab.account.message(thread, sent=False, text=SECRET)
    body = json.dumps({"status": "error", "category": "X", "text": SECRET})
    life.lab.script(path=f"/threads/{bad.id}/messages", status=400, body=body, times=9)
    life.lab.script(path=f"/threads/{good.id}/messages", status=200, body=json.dumps([SECRET]))
    with pytest.raises(IncompleteError) as error:
        life.sync(select(*ALL))
    assert SECRET in {row["text"] for row in life.last.records("messages")}
    assert SECRET not in f"{caplog.text} {error.value} {json.dumps(life.state)}"


@pytest.mark.parametrize("start", ["0001-01-01", "1969-12-31T23:00:00+01:00", "1970-01-01"])
def test_start_date_before_everything(start: str) -> None:
    """A `start_date` before all threads loads everything, and later syncs are increments."""
    with open_lab() as lab:
        life = Life(lab, start_date=start)
        output = life.sync(select("threads", "messages"))
        assert output.ids == Life(lab).sync(select("threads")).ids
        assert output.records("messages")
        life.pass_time(hours=1)
        assert life.sync(select("threads", "messages")).records() == []


def test_start_date_after_everything() -> None:
    """A `start_date` in the far future loads nothing and causes no error."""
    with open_lab() as lab:
        life = Life(lab, start_date="9999-12-31T23:59:59Z")
        for _ in range(2):
            output = life.sync(select("threads", "messages"))
            assert output.records() == output.records("messages") == []
            life.pass_time(hours=1)
