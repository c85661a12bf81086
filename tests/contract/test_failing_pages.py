"""Pages that fail in some sizes, and lists that never end, in whole syncs."""

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


def fail_large_pages(lab: Lab, fault: dict[str, Any], path: str = "") -> Any:
    """Fail every request for more than 100 rows per page; return the fault."""
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
    """If pages of more than 100 rows fail, the tap reads smaller ones after a few failures."""
    streams = select("threads", "messages")
    with open_lab(Account.sample(threads)) as lab:
        life = Life(lab)
        scripted = fail_large_pages(lab, fault)
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
    """A page that exceeds `request_timeout` twice is requested in a smaller size."""
    lab.script(path=f"/threads\\?.*{ABOVE_100}", delay=1.2, times=2)
    assert lab.sync(request_timeout=1).ids == lab.ids
    assert len(waits) == 2
    assert len(lab.calls(r"limit=100\b")) >= 1


@pytest.mark.parametrize("fault", FAILURES[:3], ids=str)
@pytest.mark.usefixtures("waits")
def test_reference_list_with_small_pages(lab: Lab, fault: dict[str, Any]) -> None:
    """A list that works only with 20 rows per page is read in full."""
    lab.script(path=r"/inboxes.*limit=100\b", times=100, **fault)
    expected = {str(row["id"]) for row in lab.account.lists["inboxes"]}
    assert {record["id"] for record in lab.sync(select("inboxes")).records("inboxes")} == expected
    assert len(lab.calls(r"/inboxes.*limit=100\b")) <= 4


@pytest.mark.usefixtures("waits")
def test_connection_test_with_failing_pages(lab: Lab) -> None:
    """`--test` requests a page as a sync does, and finds that smaller pages work."""
    scripted = fail_large_pages(lab, {"status": 504})
    assert lab.tap().run_connection_test()
    assert scripted.times == 998
    assert len(lab.calls(r"limit=100\b")) == 1


def endless(lab: Lab, path: str, *pages: list[dict[str, Any]]) -> None:
    """Serve these pages for a path in an endless cycle, each with a new cursor."""
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
    """A list by ID that never ends is an error after 100 pages without a new thread."""
    endless(lab, r"/threads\?.*sort=id", *pages)
    with pytest.raises(HubSpotError, match="100 pages in a row had no new ID") as error:
        lab.sync()
    assert error.value.exit_code == 75
    assert len(lab.calls()) <= 110


@pytest.mark.parametrize("pages", PAGES, ids=["empty", "the same", "alternating"])
def test_endless_messages(lab: Lab, pages: list[list[dict[str, Any]]]) -> None:
    """An endless list of messages fails its thread only; other threads are read."""
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
    """An endless reference list fails alone; other lists are loaded."""
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
def test_page_without_usable_ids(lab: Lab, stream: str, caplog: pytest.LogCaptureFixture) -> None:
    """A page whose rows all lack a usable ID is requested again."""
    expected = lab.sync(select(stream)).records(stream)
    lab.script(path=f"/{stream}", status=200, body=json.dumps({"results": [{}, {"id": None}]}))
    assert lab.sync(select(stream)).records(stream) == expected
    assert "no usable ID" not in caplog.text
