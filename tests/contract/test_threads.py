"""The `threads` stream: its records, their order, and its requests."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.endpoints.threads import thread_payload
from tap_hubspot_threads.errors import PaginationLoopError
from tests.conftest import Lab, open_lab, select

if TYPE_CHECKING:
    from emulator.data.thread import Thread


def test_configured_ids_in_their_order(lab: Lab) -> None:
    """Configured IDs are read by ID and emitted in their order."""
    ids = list(reversed(lab.live_ids[:40]))
    assert lab.sync(thread_ids=ids).ids == ids
    assert len(lab.calls("/threads/")) == len(lab.calls()) == 40


def test_each_form_of_an_id(lab: Lab) -> None:
    """All forms of an ID, such as a padded string or a spreadsheet's number, name one thread."""
    thread_id = lab.live_ids[3]
    forms = [int(thread_id), thread_id, f" {thread_id} ", f"{thread_id}.0", f"{thread_id}\n"]
    assert lab.sync(thread_ids=forms).ids == [thread_id]
    assert len(lab.calls()) == 1


@pytest.mark.parametrize("empty", [[], [""]])
def test_no_ids_no_requests(lab: Lab, empty: list[str]) -> None:
    """An empty list of IDs means no thread, not all of them."""
    output = lab.sync(thread_ids=empty)
    assert [message["type"] for message in output.messages] == ["SCHEMA", "STATE"]
    assert lab.calls() == []


def test_whole_account(lab: Lab) -> None:
    """Without IDs every thread is emitted once: live, archived, with and without a message."""
    assert lab.sync().ids == lab.ids
    without_message = [thread for thread in lab.threads if not thread.latest_message_at]
    archived = [thread for thread in lab.threads if thread.archived]
    assert without_message
    assert archived


def test_listed_equals_by_id(lab: Lab) -> None:
    """Records are the same from a list and by ID."""
    assert (
        lab.sync(always_fetch_by_id=False).records() == lab.sync(always_fetch_by_id=True).records()
    )


def test_few_calls_for_a_listing() -> None:
    """2,600 threads cost at most 20 API calls."""
    with open_lab(Account.sample(2_600)) as lab:
        assert len(set(lab.sync().ids)) == 2_600
        assert len(lab.calls()) <= 20


def test_one_call_per_thread_by_id(lab: Lab) -> None:
    """A listed thread that is read by ID costs one call, as live or archived."""
    lab.sync()
    listing = len(lab.calls())
    lab.sync(always_fetch_by_id=True)
    unmarked = [t for t in lab.threads if t.archived and "archived" not in payload(t)]
    assert len(lab.calls()) == 2 * listing + len(lab.ids) + len(unmarked)


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_max_concurrency(workers: int) -> None:
    """No more than `max_concurrency` requests are in flight at once."""
    with open_lab(latency=0.01) as lab:
        lab.sync(thread_ids=lab.live_ids[:48], max_concurrency=workers)
        lab.sync(always_fetch_by_id=True, max_concurrency=workers)
        assert lab.emulator.most_in_flight <= workers


def test_same_output_however_concurrent() -> None:
    """Records are the same with 1 worker and with 16, even if responses overtake each other."""
    with open_lab() as lab:
        one = lab.sync(thread_ids=lab.ids, max_concurrency=1)
        lab.script(path="/threads/.*[02468]\\?", delay=0.01, times=1_000)
        sixteen = lab.sync(thread_ids=lab.ids, max_concurrency=16)
        assert sixteen.records() == one.records()


def test_archived_thread_by_second_call(lab: Lab) -> None:
    """An archived thread is not found at first, then found with `archived=true`."""
    thread = next(thread for thread in lab.threads if thread.archived)
    assert lab.sync(thread_ids=[thread.id]).ids == [str(thread.id)]
    calls = lab.calls(str(thread.id))
    assert [("archived=true" in call) for call in calls] == [False, True]


def test_ids_not_found_are_logged(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """IDs that are not found log a warning that names at most 20, and do not fail the sync."""
    not_found = [str(number) for number in range(1, 26)]
    assert lab.sync(thread_ids=[*not_found, lab.ids[0]]).ids == [lab.ids[0]]
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("25 ")
    assert "19, 20 and 5 more" in warning


def test_associations(lab: Lab) -> None:
    """Tickets are requested by default, and not with an empty list of associations."""
    linked = {str(thread.id): str(thread.ticket_id) for thread in lab.threads if thread.ticket_id}
    found = {
        record["id"]: record["threadAssociations"]["associatedTicketId"]
        for record in lab.sync().records()
        if record["threadAssociations"]
    }
    assert found == linked
    assert not any(record["threadAssociations"] for record in lab.sync(associations=[]).records())
    assert lab.calls("association=") == lab.calls("association=TICKET")


def test_property(lab: Lab) -> None:
    """The `property` that was requested is in `otherProperties`, from a list and by ID."""
    for by_id in (False, True):
        records = lab.sync(property="hs_topic", always_fetch_by_id=by_id).records()
        expected = [f"hs_topic of {record['id']}" for record in records]
        assert [record["otherProperties"]["hs_topic"] for record in records] == expected


def test_without_archived(lab: Lab) -> None:
    """`include_archived: false` lists live threads only."""
    assert lab.sync(include_archived=False).ids == lab.live_ids


def test_inboxes(lab: Lab) -> None:
    """One inbox is filtered by HubSpot; several, which HubSpot refuses, are filtered by the tap."""
    for inboxes in ([481939], ["481939", 512377]):
        expected = [str(t.id) for t in lab.threads if str(t.inbox_id) in map(str, inboxes)]
        assert lab.sync(inbox_ids=inboxes).ids == expected
    assert lab.calls("inboxId=481939")
    assert not lab.calls("inboxId=512377")


def test_start_date(lab: Lab) -> None:
    """Older threads are skipped by their latest message, or without one by their creation."""
    start = "2026-05-01T02:00:00+02:00"
    emitted = set(lab.sync(start_date=start).ids)
    for thread in lab.threads:
        moment = thread.latest_message_at or thread.created_at
        assert (moment.isoformat() >= "2026-05-01") == (str(thread.id) in emitted)
    assert 0 < len(emitted) < len(lab.threads)


def test_dated_api_version(lab: Lab) -> None:
    """The date-versioned paths return the same records."""
    dated = lab.sync(api_version="2026-09").records()
    assert all(call.startswith("/conversations/conversations/2026-09/") for call in lab.calls())
    assert dated == lab.sync().records()


def test_order_of_singer_messages(lab: Lab) -> None:
    """A sync writes one SCHEMA per stream, the records, then STATE."""
    types = [message["type"] for message in lab.sync(always_fetch_by_id=True).messages]
    assert types == ["SCHEMA", "SCHEMA", *["RECORD"] * len(lab.ids), "STATE"]
    types = [message["type"] for message in lab.sync(thread_ids=lab.ids).messages]
    assert types == ["SCHEMA", *["RECORD"] * len(lab.ids), "STATE"]


def test_index_is_not_selected_by_default(lab: Lab) -> None:
    """`thread_index` is emitted only if it is selected."""
    assert lab.sync().records("thread_index") == []


@pytest.mark.parametrize("by_id", [False, True])
def test_index_without_second_listing(lab: Lab, *, by_id: bool) -> None:
    """`thread_index` has the threads that `threads` listed, without an extra API call."""
    lab.sync(always_fetch_by_id=by_id)
    alone = len(lab.calls())
    output = lab.sync(select("threads", "thread_index"), always_fetch_by_id=by_id)
    assert len(lab.calls()) == 2 * alone
    index = output.records("thread_index")
    assert [entry["id"] for entry in index] == output.ids == lab.ids
    columns = index[0].keys()
    assert index == [{name: row[name] for name in columns} for row in output.records()]
    assert len(output.of_type("SCHEMA")) == 2


def test_index_alone(lab: Lab) -> None:
    """Without `threads`, `thread_index` lists the threads itself."""
    output = lab.sync(select("thread_index"))
    assert [entry["id"] for entry in output.records("thread_index")] == lab.ids
    assert output.records("threads") == []


def test_index_lists_nothing_for_configured_ids(lab: Lab) -> None:
    """With configured IDs, no selection causes a list request."""
    for streams in (["thread_index"], ["threads", "thread_index"]):
        output = lab.sync(select(*streams), thread_ids=lab.ids[:1])
        assert output.records("thread_index") == []
    assert len(lab.calls()) == len(lab.calls("/threads/")) == 1


def test_cursor_is_decoded_once(lab: Lab) -> None:
    """A percent-encoded cursor is decoded once before it is sent back."""
    body = json.dumps({"results": [{"id": "1"}], "paging": {"next": {"after": "a%2Bb%3D%3D"}}})
    lab.script(path="/threads\\?", status=200, body=body)
    lab.script(path="after=a%2Bb%3D%3D(&|$)", status=200, body='{"results": []}')
    assert lab.sync(include_archived=False).ids == ["1"]


def test_link_is_not_followed() -> None:
    """HubSpot's `paging.next.link`, which has a wrong path, is never requested."""
    with open_lab(Account.sample(1_100)) as lab:
        lab.sync()
        assert len(lab.calls("/v3/conversations/threads\\?")) == len(lab.calls()) > 3


def test_repeated_cursor(lab: Lab) -> None:
    """A repeated cursor ends the sync with an error, not in a loop."""
    body = json.dumps({"results": [{"id": "1"}], "paging": {"next": {"after": "again"}}})
    lab.script(path="/threads\\?", status=200, body=body, times=100)
    with pytest.raises(PaginationLoopError, match="no progress"):
        lab.sync()
    assert len(lab.calls()) == 4  # two pages each for the listing and the increment


@pytest.mark.parametrize("size", [500, 1_000, 1_001])
def test_full_pages(size: int) -> None:
    """An account that fills its last page exactly is read in full."""
    with open_lab(Account.sample(size)) as lab:
        assert sorted(lab.sync().ids) == sorted(lab.ids)


def test_thread_deleted_after_it_was_listed(lab: Lab) -> None:
    """A thread deleted after it was listed does not fail the sync."""
    rows = [{"id": "17"}, *(payload(thread) for thread in lab.threads if not thread.archived)]
    lab.script(path="/threads\\?", status=200, body=json.dumps({"results": rows}))
    assert lab.sync(always_fetch_by_id=True, include_archived=False).ids == lab.live_ids


def payload(thread: Thread) -> dict[str, Any]:
    """Return a thread as HubSpot sends it."""
    return thread_payload(thread, associations=[], extra=None)


def test_values_that_do_not_fit(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A value that does not fit is kept and counted once per record; epoch milliseconds fit."""
    caplog.set_level(logging.INFO)
    first, second = lab.live_ids[:2]
    for thread_id, created in ((first, 1574106479865), (second, "yesterday")):
        thread = {"id": thread_id, "createdAt": created, "spam": "maybe", "mood": "good"}
        lab.script(path=f"/threads/{thread_id}", status=200, body=json.dumps(thread))
    by_epoch, by_word = lab.sync(thread_ids=[first, second]).records()
    assert (by_epoch["createdAt"], by_word["createdAt"]) == ("2019-11-18T19:47:59.865Z", None)
    assert by_epoch["otherProperties"] == {"mood": "good", "spam": "maybe"}
    assert by_word["otherProperties"] == by_epoch["otherProperties"] | {"createdAt": "yesterday"}
    warning, summary = caplog.records[-2:]
    assert warning.getMessage() == (
        "3 value(s) did not fit their column and are in otherProperties: "
        "threads.createdAt 1, threads.spam 2"
    )
    assert vars(summary)["misfits"] == {"threads.createdAt": 1, "threads.spam": 2}


def test_values_that_fit(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Unknown keys alone cause no warning."""
    lab.sync()
    assert "did not fit" not in caplog.text


@pytest.mark.parametrize("sides", ["apart", "together"])
def test_live_archived_and_deleted(lab: Lab, caplog: pytest.LogCaptureFixture, sides: Any) -> None:
    """Live and archived threads are emitted by ID; a deleted one logs a warning."""
    caplog.set_level(logging.WARNING)
    lab.account.behavior.sides = sides
    archived = next(str(thread.id) for thread in lab.threads if thread.archived)
    deleted = lab.threads[3]
    lab.account.delete(deleted)
    names = [lab.live_ids[0], archived, str(deleted.id)]
    output = lab.sync(thread_ids=names)
    assert output.ids == names[:2]
    assert caplog.text.count("not found") == 1
    assert str(deleted.id) in caplog.text
