"""The list by ID: ranges, other forms of cursors, failing rows, new threads and late emails."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from tap_hubspot_threads.errors import HubSpotError, IncompleteError
from tests.conftest import Lab, Life, ids, open_lab, select, set_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.data.thread import Thread

SIZE = 600
PAGES = SIZE // 10
FULL_LIST = r"sort=id(?!.*threadStatus)"
BY_ID = r"/threads/\d+\?"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """An account of 60 pages."""
    set_runtime(monkeypatch, page_size=10)
    with open_lab(Account.sample(SIZE)) as lab:
        lab.account.behavior.empty_pages = "never"
        yield lab


@pytest.fixture
def life(large: Lab) -> Life:
    """The same account, synced once, an hour ago."""
    life = Life(large)
    life.sync()
    life.pass_time(hours=1)
    large.emulator.requests.clear()
    return life


@pytest.mark.parametrize(
    "behavior",
    [
        {},
        {"made_cursors": "refused"},
        {"cursors": "key"},
        {"cursors": "offset"},
        {"empty_pages": "often"},
        {"repeats_rows": True},
        {"cursor_encoding": "="},
        {"cap": 3},
    ],
    ids=str,
)
def test_forms_of_cursors(large: Lab, behavior: dict[str, Any]) -> None:
    """Whatever the form of its cursors is, the list is complete, in a bounded number of calls."""
    vars(large.account.behavior).update(behavior)
    output = large.sync()
    assert {*output.ids} == {*large.ids}
    pages = SIZE // min(10, large.account.behavior.cap)
    is_by_ranges = behavior.get("cursors") is None and "made_cursors" not in behavior
    if is_by_ranges:
        assert len(output.ids) == SIZE
    calls = 2 * pages + 2 * 40 if is_by_ranges else 3 * pages
    assert len(large.calls(FULL_LIST)) <= calls


def test_made_cursors_refused_later(large: Lab) -> None:
    """If HubSpot refuses self-made cursors from some page on, the rest is read in order."""
    large.emulator.before_answer = lambda _: vars(large.account.behavior).update(
        made_cursors="refused" if len(large.calls(FULL_LIST)) > 20 else "accepted"
    )
    assert {*large.sync().ids} == {*large.ids}


def test_small_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that fits one page per list needs one call for each."""
    set_runtime(monkeypatch, page_size=500)
    with open_lab(Account.sample(400)) as lab:
        lab.sync()
        assert len(lab.calls(FULL_LIST)) == 2


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("place", [0, 9, 10, 300, -1])
def test_broken_row(large: Lab, place: int) -> None:
    """A row that makes its page fail is found in few calls and read by ID."""
    broken = large.ids[place]
    large.account.broken_ids.add(int(broken))
    output = large.sync(max_attempts=2)
    assert sorted(output.ids) == sorted(large.ids)
    assert large.calls(f"/threads/{broken}")
    assert len(large.calls(FULL_LIST)) <= 2 * PAGES + 40 + 100


@pytest.mark.usefixtures("waits")
def test_broken_row_that_cannot_be_read(large: Lab) -> None:
    """A broken row that cannot be read by ID either is one failed thread."""
    broken = int(large.ids[300])
    large.account.broken_ids.add(broken)
    large.account.refused_threads.add(broken)
    life = Life(large)
    with pytest.raises(IncompleteError, match=f"1 thread.*{broken}") as end:
        life.sync(max_attempts=2)
    assert end.value.exit_code == 1
    assert {*life.last.ids} == {*large.ids} - {str(broken)}
    large.account.broken_ids.clear()
    large.account.refused_threads.clear()
    life.pass_time(hours=1)
    assert str(broken) in life.sync().ids


def test_increment_comes_before_the_rest_of_a_first_sync(large: Lab) -> None:
    """A sync that resumes a first sync reads new messages first."""
    life = Life(large)
    large.script(path="sort=id&after=", status=401, times=10**6)
    with pytest.raises(Exception, match="401"):
        life.sync(max_concurrency=1)  # no other worker has a request in flight at the end
    large.emulator.faults.clear()
    (new,) = life.threads(1)
    large.emulator.requests.clear()
    output = life.sync()
    assert output.ids[0] == str(new.id)
    requests = large.calls("/threads")
    assert "latestMessage" in requests[0]
    assert {*output.ids} >= {*large.ids[10:]} - {str(new.id)}


def test_unchanged_threads_of_the_lookback_cost_no_call(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 threads that were emitted in the last hour cost pages only; ten late emails ten calls."""
    set_runtime(monkeypatch, page_size=500)
    changed = life.lab.threads[:200]
    for thread in changed:
        life.lab.account.message(thread, sent=False)
    life.pass_time(minutes=10)
    assert {*life.sync().ids} >= {*ids(changed)}
    life.pass_time(minutes=10)
    life.lab.emulator.requests.clear()
    assert life.sync(open_threads_max_calls=0).ids == []
    quiet = len(life.lab.calls())
    assert quiet <= 15
    late = [send_late_mail(life, thread) for thread in changed[50:60]]
    life.pass_time(minutes=1)
    life.lab.emulator.requests.clear()
    assert sorted(life.sync(open_threads_max_calls=0).ids) == sorted(late)
    assert len(life.lab.calls()) == quiet + 10


def send_late_mail(life: Life, thread: Thread) -> str:
    """Add an email that was sent 15 minutes ago, and return the thread's ID."""
    life.lab.account.mail(thread, sent_at=life.now - timedelta(minutes=15))
    return str(thread.id)


def test_messages_of_skipped_threads_are_not_read_again(life: Life) -> None:
    """A thread that has not changed within the lookback costs no call for messages either."""
    streams = select("threads", "messages")
    life.sync(streams)
    (thread,) = life.threads(1)
    life.pass_time(minutes=1)
    assert life.sync(streams).records("messages")
    life.pass_time(minutes=1)
    life.lab.emulator.requests.clear()
    assert not life.sync(streams).records("messages")
    assert not life.lab.calls(f"/threads/{thread.id}")


def test_new_threads_come_whatever_their_times_are(life: Life) -> None:
    """A new thread without a message, or with an old email, comes with the next increment."""
    empty, old = life.lab.account.create(), life.lab.account.create()
    life.lab.account.mail(old, sent_at=life.now - timedelta(days=40))
    old.created_at = life.now - timedelta(days=40)
    output = life.sync(select("threads", "messages"))
    assert {*output.ids} >= {*ids([empty, old])}
    life.pass_time(minutes=5)
    assert not {*life.sync().ids} & {*ids([empty, old])}


def test_changed_filters_start_the_listing_over(life: Life) -> None:
    """If the filters change, the account is listed again; bookmark and deletions stay."""
    inbox = life.lab.threads[0].inbox_id
    bookmark = life.threads_state["replication_key_value"]
    wanted = {str(thread.id) for thread in life.lab.threads if thread.inbox_id == inbox}
    life.lab.emulator.requests.clear()
    assert {*life.sync(inbox_ids=[str(inbox)]).ids} == wanted
    since = re.search(r"TimestampAfter=([^&]+)", life.lab.calls("latestMessage")[0])
    assert since
    assert since[1][:10] == bookmark[:10]


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("behavior", [{"made_cursors": "refused"}, {"cursors": "offset"}], ids=str)
def test_broken_first_row_without_keys(life: Life, behavior: dict[str, Any]) -> None:
    """If the first row cannot be listed, nor a page behind it, only the full listing is stuck."""
    life.pass_time(days=2)
    (new,) = life.threads(1)
    vars(life.lab.account.behavior).update(behavior)
    life.lab.account.broken_ids.add(int(life.lab.ids[0]))
    with pytest.raises(HubSpotError, match="stuck at live threads, at the first page") as end:
        life.sync(select("threads", "inboxes"), max_attempts=2, open_threads_max_calls=0)
    assert end.value.exit_code == 75
    assert str(new.id) in life.last.ids
    assert life.last.records("inboxes")
