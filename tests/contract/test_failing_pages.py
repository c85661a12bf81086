"""Pages that fail in some size, and pages that never end: what a whole sync makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.data.account import Account
from tap_hubspot_threads.errors import HubSpotError
from tests.conftest import Lab, Life, Output, open_lab, select

FAILURES: list[dict[str, Any]] = [{"status": status} for status in (500, 502, 504)]
FAILURES += [{"garble": True}, {"status": 200, "body": "{}"}, {"drop": True}]
ABOVE_100 = r"limit=(10[1-9]|1[1-9]\d|[2-9]\d\d)\b"


def failing(lab: Lab, fault: dict[str, Any], path: str = "") -> Any:
    """Have every request above 100 rows per page fail; return the fault."""
    lab.script(path=f"{path}.*{ABOVE_100}", times=1_000, **fault)
    return lab.emulator.faults[-1]


@pytest.mark.parametrize(
    ("fault", "threads", "messages"),
    [({"status": 504}, 900, 700), *((fault, 120, 110) for fault in FAILURES)],
    ids=str,
)
def test_large_pages_that_fail(
    waits: list[float], fault: dict[str, Any], threads: int, messages: int
) -> None:
    """If no page above 100 rows comes, all is read by smaller ones, after a handful of failures."""
    streams = select("threads", "messages")
    with open_lab(Account.sample(threads)) as lab:
        life = Life(lab)
        scripted = failing(lab, fault)
        first, second = lab.threads[:2]
        for _ in range(messages):
            lab.account.message(first, sent=False)
        output = life.sync(streams)
        assert sorted(output.ids) == sorted(lab.ids)
        expected = {message.id for one in lab.threads for message in lab.account.messages(one)}
        assert {record["id"] for record in output.records("messages")} == expected
        life.pass_time(hours=1)
        new = {lab.account.message(second, sent=False).id for _ in range(messages)}
        life.pass_time(hours=1)
        assert new <= {record["id"] for record in life.sync(streams).records("messages")}
        assert 1_000 - scripted.times <= 50
        assert max(waits) <= 2


def test_large_pages_that_are_slow(lab: Lab, waits: list[float]) -> None:
    """A page that takes longer than `request_timeout` twice is requested smaller."""
    lab.script(path=f"/threads\\?.*{ABOVE_100}", delay=1.2, times=2)
    assert lab.sync(request_timeout=1).ids == lab.ids
    assert len(waits) == 2
    assert len(lab.calls(r"limit=100\b")) >= 1


@pytest.mark.parametrize("fault", FAILURES[:3], ids=str)
@pytest.mark.usefixtures("waits")
def test_reference_list_that_fails(lab: Lab, fault: dict[str, Any]) -> None:
    """If a list comes by 20 rows per page only, it is read whole."""
    lab.script(path=r"/inboxes.*limit=100\b", times=100, **fault)
    expected = {str(row["id"]) for row in lab.account.lists["inboxes"]}
    assert {record["id"] for record in lab.sync(select("inboxes")).records("inboxes")} == expected
    assert len(lab.calls(r"/inboxes.*limit=100\b")) <= 4


@pytest.mark.usefixtures("waits")
def test_connection_test_of_a_page_that_fails(lab: Lab) -> None:
    """`--test` requests a page as a sync does, and finds that smaller ones come."""
    scripted = failing(lab, {"status": 504})
    assert lab.tap().run_connection_test()
    assert scripted.times == 998
    assert len(lab.calls(r"limit=100\b")) == 1


def endless(lab: Lab, path: str, *pages: list[dict[str, Any]]) -> None:
    """Replace the pages of a path by such ones in turn, each with a new cursor, without end."""
    for number in range(400):
        body = {
            "results": pages[number % len(pages)],
            "paging": {"next": {"after": f"cursor-{number}"}},
        }
        lab.script(path=path, status=200, body=json.dumps(body))


ONE, TWO = {"id": "1"}, {"id": "2"}
PAGES = [[[]], [[ONE, TWO]], [[ONE], [TWO]]]


@pytest.mark.parametrize("pages", PAGES, ids=["empty", "the same", "alternating"])
def test_endless_first_sync(lab: Lab, pages: list[list[dict[str, Any]]]) -> None:
    """A listing by ID that never ends is an error, after 100 pages without a new thread."""
    endless(lab, r"/threads\?.*sort=id", *pages)
    with pytest.raises(HubSpotError, match="100 pages in a row had no new ID") as error:
        lab.sync()
    assert error.value.exit_code == 75
    assert len(lab.calls()) <= 110


@pytest.mark.parametrize("pages", PAGES, ids=["empty", "the same", "alternating"])
def test_endless_messages(lab: Lab, pages: list[list[dict[str, Any]]]) -> None:
    """Messages of one thread that never end are a failure of that thread; the others are read."""
    path = f"/threads/{lab.live_ids[0]}/messages"
    endless(lab, path, *pages)
    with pytest.raises(HubSpotError, match="100 pages in a row had no new ID") as error:
        lab.sync(select("threads", "messages"))
    assert error.value.exit_code == 1
    output = Output(lab.out.getvalue())
    assert sorted(output.ids) == sorted(lab.ids)
    others = {message.id for one in lab.threads[1:] for message in lab.account.messages(one)}
    assert others <= {record["id"] for record in output.records("messages")}
    assert len(lab.calls(path)) <= 103


@pytest.mark.parametrize("pages", PAGES, ids=["empty", "the same", "alternating"])
def test_endless_reference_list(lab: Lab, pages: list[list[dict[str, Any]]]) -> None:
    """A list that never ends is an error of that list; the others are loaded."""
    endless(lab, "/channels", *pages)
    with pytest.raises(HubSpotError, match=r"stream\(s\) channels") as error:
        lab.sync(select("inboxes", "channels", "channel_accounts"))
    assert "100 pages in a row had no new ID" in str(error.value)
    output = Output(lab.out.getvalue())
    assert output.records("inboxes")
    assert output.records("channel_accounts")
    assert len(lab.calls("/channels")) <= 103


@pytest.mark.parametrize("stream", ["threads", "inboxes"])
@pytest.mark.usefixtures("waits")
def test_page_without_a_usable_id(lab: Lab, stream: str, caplog: pytest.LogCaptureFixture) -> None:
    """A page whose rows all lack a usable ID is requested again, like a 200 that is no page."""
    quiet = lab.sync(select(stream)).records(stream)
    lab.script(path=f"/{stream}", status=200, body=json.dumps({"results": [{}, {"id": None}]}))
    assert lab.sync(select(stream)).records(stream) == quiet
    assert "no usable ID" not in caplog.text
