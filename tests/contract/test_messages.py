"""What surrounds threads, through the whole tap: messages, actors, what is listed as a whole."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from emulator.data.account import Account
from emulator.endpoints.actors import actor_payloads
from emulator.limits import RollingLimit
from tap_hubspot_threads.errors import HubSpotError, IncompleteError
from tap_hubspot_threads.models import REFERENCE_LISTS
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
    """An account of which everything was read once, an hour ago."""
    with open_lab(Account.sample(250)) as lab:
        life = Life(lab)
        life.sync(select(*ALL))
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        yield life


def say(life: Life, *threads: Thread) -> None:
    """Have a message come in each of them, some time before the next sync."""
    for thread in threads:
        life.lab.account.message(thread, sent=False)
    life.pass_time(hours=1)


def messages_of(lab: Lab, *threads: Thread) -> set[str]:
    """The ids of the messages that HubSpot shows of threads."""
    return {message.id for thread in threads for message in lab.account.messages(thread)}


def message_ids(output: Output) -> set[str]:
    """The ids of the messages that went out."""
    return {record["id"] for record in output.records("messages")}


def some(life: Life, count: int = 1) -> list[Thread]:
    """Threads that are closed and live, so that nothing else looks at them."""
    return [t for t in life.lab.threads if t.closed_at and not t.archived][:count]


def cut_off(life: Life, thread: Thread) -> Message:
    """Have a message come whose text HubSpot cuts off."""
    message = life.lab.account.message(thread, sent=False, text="Only the be")
    message.more = message.more | {"truncationStatus": "TRUNCATED"}
    message.original = {"text": "Only the beginning", "richText": "<p>Only the beginning</p>"}
    return message


def test_everything_at_first() -> None:
    """A first sync brings each message, each actor that is named, and each list, whole."""
    with open_lab(Account.sample(60)) as lab:
        output = lab.sync(select(*ALL))
        assert message_ids(output) == messages_of(lab, *lab.threads)
        actors = {record["id"] for record in output.records("actors")}
        assert actors == actor_payloads(lab.account, *lab.threads).keys()
        for name in NAMES:
            found = {record["id"] for record in output.records(name)}
            assert found == {str(row["id"]) for row in lab.account.lists[name.replace("_", "-")]}


def test_behind_their_thread() -> None:
    """A thread's messages come behind its row, oldest first; those of one thread together."""
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
    """20 changed threads of 250 take less than 90 calls with everything selected."""
    changed = some(life, 20)
    say(life, *changed)
    output = life.sync(select(*ALL))
    assert message_ids(output) == messages_of(life.lab, *changed)
    assert len(life.lab.emulator.requests) <= 90
    life.lab.emulator.requests.clear()
    life.sync()
    quiet = len(life.lab.emulator.requests)
    say(life, *changed)
    life.lab.emulator.requests.clear()
    life.sync()
    assert len(life.lab.emulator.requests) == quiet + 20


def test_nothing_for_what_has_not_changed(life: Life) -> None:
    """A quiet sync, and a daily listing that brings every row, read no messages."""
    life.sync(select(*ALL))
    assert life.lab.calls(MESSAGES) == []
    life.pass_time(days=2)
    assert len(life.sync(select(*ALL)).ids) == 250
    assert life.lab.calls(MESSAGES) == []


def test_silent_change_of_an_open_thread(life: Life) -> None:
    """An event that moves no time comes with the change of its open thread's row."""
    thread = next(t for t in life.lab.threads if not t.closed_at and not t.archived)
    event = life.lab.account.close(thread)
    assert event.id in message_ids(life.sync(select(*ALL)))


def test_thread_that_was_reopened_silently(life: Life) -> None:
    """A closed thread that is open has its messages read with the listing that shows it."""
    (thread,) = some(life)
    event = life.lab.account.reopen(thread)
    life.pass_time(days=2)
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, thread)
    assert event.id in messages_of(life.lab, thread)


def test_later_selection() -> None:
    """Messages that are selected later come all; the account is gone through by time, once."""
    with open_lab() as lab:
        life = Life(lab)
        life.sync()
        life.pass_time(hours=1)
        lab.emulator.requests.clear()
        life.sync()
        quiet = len(lab.emulator.requests)
        lab.emulator.requests.clear()
        life.pass_time(hours=1)
        output = life.sync(select("threads", "messages"))
        with_message = [thread for thread in lab.threads if thread.latest_message_at]
        assert message_ids(output) == messages_of(lab, *with_message)
        assert len(lab.calls(MESSAGES)) == len(with_message)
        assert output.ids == []
        pages = len(lab.calls(r"sort=latestMessageTimestamp"))
        assert len(lab.emulator.requests) == quiet + len(with_message) + pages - 3


def test_week_without_messages(life: Life) -> None:
    """What came while messages were not selected is read when they are again; no more."""
    threads = some(life, 3)
    for thread in threads:
        say(life, thread)
        life.pass_time(days=3)
        life.sync()
    life.lab.emulator.requests.clear()
    life.pass_time(hours=1)
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, *threads)
    assert len(life.lab.calls(MESSAGES)) == 3


def test_messages_alone(life: Life) -> None:
    """Messages alone pay for no thread; the next sync of threads brings them all."""
    for thread in some(life, 2):
        say(life, thread)
        assert message_ids(life.sync(select("messages"))) == messages_of(life.lab, thread)
        assert life.lab.calls(rf"/threads/{thread.id}\?") == []
        assert life.threads_state["full_listing_started_at"] is None
    assert set(life.sync().ids) == set(life.lab.ids)


@pytest.mark.parametrize("streams", [("inboxes",), ("channels", "channel_accounts"), ("actors",)])
def test_any_selection(life: Life, streams: tuple[str, ...]) -> None:
    """Any stream can be read alone; messages are not asked for, nor what else is not selected."""
    threads = some(life, 3)
    for thread in threads:
        thread.assigned_to = "A-2620022"
    say(life, *threads)
    output = life.sync(select(*streams))
    assert {message["stream"] for message in output.of_type("RECORD")} == set(streams)
    assert life.lab.calls(MESSAGES) == []
    asked = {name: life.lab.calls(f"/{name.replace('_', '-')}") for name in NAMES}
    assert {name for name, calls in asked.items() if calls} == set(streams) - {"actors"}


def test_configured_ids(lab: Lab) -> None:
    """With configured ids there are the messages of exactly those, a call each."""
    found = lab.threads[:5]
    output = lab.sync(select("messages"), thread_ids=ids(found))
    assert message_ids(output) == messages_of(lab, *found)
    assert len(lab.emulator.requests) == 5


def test_configured_id_that_is_missing(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A configured id that HubSpot does not have is a warning with messages alone, too."""
    output = lab.sync(select("messages"), thread_ids=[*ids(lab.threads[:2]), "17"])
    assert message_ids(output) == messages_of(lab, *lab.threads[:2])
    assert "1 thread(s) not found, neither live nor archived: 17" in caplog.text


def test_thread_deleted_before_its_messages(life: Life) -> None:
    """A thread that goes between its row and its messages is no error."""
    (thread,) = some(life)
    account = life.lab.account
    account.message(thread, sent=True)

    def delete(target: str) -> None:
        if "/messages" in target and thread.id in account.threads:
            account.delete(thread)

    life.lab.emulator.before_answer = delete
    output = life.sync(select(*ALL))
    assert ids([thread]) == output.ids
    assert output.records("messages") == []


def test_archived_thread_whose_messages_are_not_shown(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that is there, but whose messages are not, is one warning, and no error."""
    lab.account.behavior.messages_of_archived = "404"
    output = lab.sync(select(*ALL))
    live = [thread for thread in lab.threads if not thread.archived]
    archived = len(lab.threads) - len(live)
    assert message_ids(output) == messages_of(lab, *live)
    assert f"HubSpot has {archived} thread(s), but does not show their messages" in caplog.text


def test_messages_that_cannot_be_read(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """The others go on; it is an error twice, then a warning; and read as soon as it can be."""
    bad, good = some(life, 2)
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
def test_all_messages_out_of_reach(life: Life) -> None:
    """If nothing can be read of messages, the sync ends soon, and the next one has them all."""
    changed = some(life, 30)
    for thread in changed:
        life.lab.account.message(thread, sent=True)
    life.lab.script(path="/messages", status=503, times=10_000)
    life.lab.emulator.requests.clear()
    with pytest.raises(HubSpotError, match="5 threads' messages in a row") as error:
        life.sync(select(*ALL), max_attempts=1, max_concurrency=1)
    assert error.value.exit_code == 75
    # Five threads and those that are read ahead, each with two attempts for each size of a page.
    assert len(life.lab.calls(MESSAGES)) < 10 * 8
    life.lab.emulator.faults.clear()
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, *changed)


def test_thread_that_cannot_be_read_owes_its_messages(life: Life) -> None:
    """If its row fails, and messages are not selected when it is read, they still come later."""
    (thread,) = some(life)
    say(life, thread)
    life.lab.script(path=rf"/threads/{thread.id}\?", status=400, times=1)
    with pytest.raises(IncompleteError):
        life.sync(select(*ALL))
    life.pass_time(hours=1)
    assert ids([thread]) == life.sync().ids
    life.pass_time(hours=1)
    assert message_ids(life.sync(select(*ALL))) == messages_of(life.lab, thread)


def test_long_thread(life: Life) -> None:
    """A thread of 700 messages comes whole, page by page, also where pages are of 100."""
    (thread,) = some(life)
    life.lab.account.conversations.fill(thread, 700)
    life.lab.account.behavior.max_messages = 100
    life.lab.account.message(thread, sent=True)
    output = life.sync(select(*ALL))
    assert message_ids(output) == messages_of(life.lab, thread)
    assert len(output.records("messages")) > 700


def test_message_while_one_pages(life: Life) -> None:
    """What comes while a thread's messages are paged is at their end."""
    (thread,) = some(life)
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


def test_first_load_that_the_quota_stops() -> None:
    """The backfill leaves a fifth of the day to others, ends well, and goes on the next day."""
    limit = RollingLimit(maximum=1_000_000, daily=200)
    with open_lab(Account.sample(400), limit=limit) as lab:
        life, loaded = Life(lab), set[str]()
        for _ in range(5):
            limit.used_today = 0
            (thread,) = some(life)
            if loaded:
                say(life, thread)
            output = life.sync(select("threads", "messages"), max_concurrency=1)
            assert not loaded or messages_of(lab, thread) <= message_ids(output)
            loaded |= message_ids(output)
            assert limit.used_today <= 0.8 * limit.daily + 5
            life.pass_time(days=1)
        assert loaded >= messages_of(lab, *(t for t in lab.threads if t.latest_message_at))
        assert len(loaded) > 1_000


def test_messages_dated_to_the_epoch() -> None:
    """The backfill reads the messages of a thread whose channel gave the timestamp 0."""
    with open_lab() as lab:
        thread = some(Life(lab))[0]
        thread.received_at, thread.sent_at = datetime.fromtimestamp(0, timezone.utc), None
        row = next(row for row in lab.sync().records() if row["id"] == str(thread.id))
        assert row["latestMessageTimestamp"] == "1970-01-01T00:00:00.000Z"
        loaded = message_ids(lab.sync(select("threads", "messages")))
        assert messages_of(lab, thread) <= loaded


def test_share_of_the_backfill(caplog: pytest.LogCaptureFixture) -> None:
    """The last line says how far a backfill is that the quota ended."""
    caplog.set_level(logging.INFO)
    with open_lab(limit=RollingLimit(maximum=1_000_000, daily=60)) as lab:
        lab.sync(select("threads", "messages"), max_concurrency=1)
    last = caplog.messages[-1]
    assert " of about 80 threads; the next sync resumes it. " in last


def test_cut_off_texts(life: Life) -> None:
    """The whole text of a message that HubSpot cut off is read where that is asked for."""
    (thread,) = some(life)
    message = cut_off(life, thread)
    texts = {
        whole: {
            row["id"]: row["text"]
            for row in life.sync(select(*ALL), fetch_original_content=whole).records("messages")
        }
        for whole in (False, True)
    }
    assert texts[False][message.id] == "Only the be"
    assert texts[True][message.id] == "Only the beginning"
    assert len(life.lab.calls("original-content")) == 1


def test_whole_text_that_cannot_be_had(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """The short text goes out then, with a warning, and nothing else is wrong."""
    (thread,) = some(life)
    message = cut_off(life, thread)
    life.lab.script(path="original-content", status=400, times=9)
    output = life.sync(select(*ALL), fetch_original_content=True)
    texts = {row["id"]: row["text"] for row in output.records("messages")}
    assert texts[message.id] == "Only the be"
    assert "1 message(s) are cut off" in caplog.text


def test_no_whole_text_for_a_column_that_is_not_selected(life: Life) -> None:
    """Where the text columns are not selected, no call is paid for them."""
    (thread,) = some(life)
    cut_off(life, thread)
    catalog = select(*ALL)
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] in (["properties", "text"], ["properties", "richText"]):
                meta["metadata"]["selected"] = False
    output = life.sync(catalog, fetch_original_content=True)
    assert all("text" not in row for row in output.records("messages"))
    assert life.lab.calls("original-content") == []


def test_actor_that_cannot_be_read(life: Life) -> None:
    """A poisoned actor is counted, the others come, and STATE goes on."""
    (thread,) = some(life)
    thread.assigned_to = "A-666"
    life.lab.account.poisoned_actors.add("A-666")
    say(life, thread)
    with pytest.raises(IncompleteError, match=r"Could not read 1 actor\(s\);") as error:
        life.sync(select(*ALL))
    assert error.value.exit_code == 1
    wanted = actor_payloads(life.lab.account, thread).keys() - {"A-666"}
    assert wanted <= {row["id"] for row in life.last.records("actors")}
    life.pass_time(hours=1)
    assert life.sync(select(*ALL)).ids == []


def test_list_that_is_refused(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """One that is refused is told, and does not keep the others from loading."""
    life.lab.account.message(some(life)[0], sent=True)
    life.lab.script(path="/channels", status=403, body='{"category": "MISSING_SCOPES"}', times=9)
    with pytest.raises(
        IncompleteError,
        match=r"Could not read the stream\(s\) channels; everything else was synced",
    ):
        life.sync(select(*ALL))
    assert "channels could not be loaded: GET /channels: 403" in caplog.text
    assert life.last.records("inboxes")
    assert life.last.records("channel_accounts")
    assert life.last.records("messages")


def test_full_table_means_nothing_for_messages(life: Life) -> None:
    """Every catalog says FULL_TABLE for messages: it does not make a sync read all of them."""
    catalog = select(*ALL)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "messages":
            entry["replication_method"] = "FULL_TABLE"
    life.sync(catalog)
    assert life.lab.calls(MESSAGES) == []


def test_full_table_of_threads_reads_all_messages(life: Life) -> None:
    """FULL_TABLE of threads clears both bookmarks; the SDK adds no key of its own to the state."""
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
    """A map that renames the stream changes where rows go, and nothing of what is kept."""
    (thread,) = some(life)
    say(life, thread)
    maps = {"messages": {"__alias__": "letters"}}
    output = life.sync(select(*ALL), stream_maps=maps)
    assert {row["id"] for row in output.records("letters")} == messages_of(life.lab, thread)
    life.pass_time(hours=1)
    life.lab.emulator.requests.clear()
    life.sync(select(*ALL), stream_maps=maps)
    assert life.lab.calls(MESSAGES) == []


def test_private_text_stays_in_rows(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a log at any level, nor an error, nor the state has a word of a message."""
    caplog.set_level(logging.DEBUG)
    bad, good = some(life, 2)
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
    """A start date before all times is none: messages come too, and later syncs go on."""
    with open_lab() as lab:
        life = Life(lab, start_date=start)
        output = life.sync(select("threads", "messages"))
        assert output.ids == Life(lab).sync(select("threads")).ids
        assert output.records("messages")
        life.pass_time(hours=1)
        assert life.sync(select("threads", "messages")).records() == []


def test_start_date_after_everything() -> None:
    """A start date in the far future loads nothing, and fails at nothing."""
    with open_lab() as lab:
        life = Life(lab, start_date="9999-12-31T23:59:59Z")
        for _ in range(2):
            output = life.sync(select("threads", "messages"))
            assert output.records() == output.records("messages") == []
            life.pass_time(hours=1)
