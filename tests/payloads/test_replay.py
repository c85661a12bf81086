"""Every recorded or observed response, replayed through the whole tap.

`expected.json` has the records of each entry that is an item or a page, without null values. Its
keys are the numbers of the entries, counted from 1.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tests.conftest import set_runtime
from tests.payloads.replay import (
    ENTRIES,
    FOLDER,
    Replay,
    entry,
    page_of,
    response,
    sync,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_hubspot_threads.hubspot.transport import Response

EXPECTED: dict[int, list[Any]] = {
    int(number): rows
    for number, rows in json.loads((FOLDER / "expected.json").read_text("utf-8")).items()
}
WEBHOOK = 15
BY_ID, LIST, MESSAGES = r"/threads/\d+\?", r"/threads\?", r"/threads/\d+/messages"
PROBE = r"/threads\?(?=.*limit=1(&|$))"

THREADS_BY_ID = (1, 5)
THREAD_LISTS = (3, 25, 32, 51)
CURSORS_OF_ANOTHER_API = (62, 63)
PAGES_OF_MESSAGES = {
    4: "176347007",
    6: "3562432284",
    **dict.fromkeys(range(7, 14), "8243595013"),
    14: "3624100517",
    16: "1",
    17: "11178480985",
    23: "1",
    24: "1",
    28: "1",
    29: "1",
    30: "7509711154",
    31: "1",
    33: "1",
    34: "1",
    35: "1",
    52: "11306536687",
    53: "11306536687",
}
"""Entries with messages, each with its thread."""
LISTS = {
    18: "channels",
    26: "channels",
    27: "inboxes",
    19: "channel_accounts",
    20: "channel_accounts",
}
ACTORS = (21, 36)
NOT_FOUND = (2, 37, 38, 55, 56, 57)
FOREIGN_404 = (39, 54)
REFUSED = {
    22: "channelAccountId is not valid for this thread",
    40: "Unable to parse value for path parameter: portalId",
    41: "The request body may not be null",
    42: "Invalid enum constant 'FAKE_TYPE' for class ObjectType",
    43: "Unable to infer object type from: Thread",
    64: "Every list must have a name.",
    65: "The request body may not be null",
}
"""Entries with status 400, each with the reason."""
PARTIAL, NO_SCOPE, TOKENS, DAILY = 44, 45, (46, 47), 48
TRANSIENT = (49, 50, 59, 60, 61)
NOT_A_THREAD = 58


@pytest.fixture
def replay(
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],  # noqa: ARG001 - makes waits instant
    caplog: pytest.LogCaptureFixture,
) -> Callable[[dict[str, list[Response]]], Replay]:
    """Return a function that makes the tap use a transport with these rules."""
    caplog.set_level(logging.INFO)

    def use(rules: dict[str, list[Response]]) -> Replay:
        transport = Replay(rules)
        set_runtime(monkeypatch, transport=lambda _: transport)
        return transport

    return use


def columns(stream: str) -> list[str]:
    """Return the columns of a stream."""
    return list(SCHEMAS.get_schema(stream)["properties"])


def test_every_entry_is_replayed() -> None:
    """Exactly one test replays each entry except the webhook."""
    singles = (PARTIAL, NO_SCOPE, DAILY, NOT_A_THREAD)
    groups = (THREADS_BY_ID, THREAD_LISTS, CURSORS_OF_ANOTHER_API, PAGES_OF_MESSAGES, LISTS, ACTORS)
    errors = (NOT_FOUND, FOREIGN_404, REFUSED, TOKENS, TRANSIENT, singles)
    replayed = [number for group in (*groups, *errors) for number in group]
    assert sorted(replayed) == [n for n in range(1, len(ENTRIES) + 1) if n != WEBHOOK]
    assert EXPECTED.keys() == {number for group in groups for number in group}


# Items and pages


@pytest.mark.parametrize("number", THREADS_BY_ID)
def test_thread_by_id(replay: Any, number: int) -> None:
    """A thread that is read by ID is emitted with every column."""
    replay({BY_ID: [entry(number)]})
    run = sync(thread_ids=[EXPECTED[number][0]["id"]])
    assert run.exit_code == 0
    assert run.records() == EXPECTED[number]
    assert [list(record) for record in run.output.records()] == [columns("threads")]


@pytest.mark.parametrize("number", THREAD_LISTS)
def test_list_of_threads(replay: Any, number: int) -> None:
    """A page of the list is emitted row by row, in its order."""
    transport = replay({rf"{LIST}(?!.*after=)(?!.*archived=true).*sort=id": [page_of(number)]})
    inboxes = {"inbox_ids": [EXPECTED[number][0]["inboxId"]]} if number == 25 else {}
    run = sync(**inboxes)
    assert run.exit_code == 0
    assert run.records() == EXPECTED[number]
    assert all(list(record) == columns("threads") for record in run.output.records())
    if inboxes:
        assert any("inboxId=123" in target for target in transport.requests)


def test_cursor_of_the_list(replay: Any) -> None:
    """The recorded cursor is decoded once; each cursor that is sent is the base64 of an ID."""
    transport = replay({rf"{LIST}(?!.*after=)(?!.*archived=true).*sort=id": [page_of(51)]})
    assert sync().exit_code == 0
    queries = [parse_qs(urlsplit(target).query) for target in transport.requests]
    cursors = [query["after"][0] for query in queries if "after" in query]
    assert cursors
    assert all(int(base64.b64decode(cursor)) >= 11321724611 for cursor in cursors)


def test_cursors_of_another_api(replay: Any) -> None:
    """A cursor that is the next row's key is followed unchanged; unknown keys are kept."""
    first, second = CURSORS_OF_ANOTHER_API
    live = rf"{LIST}(?!.*archived=true).*sort=id"
    rules = {
        rf"{live}.*after=MzI4Mzk2MDg2": [entry(second)],
        rf"{live}(?!.*after=)": [entry(first)],
        r".*after=": [response({"status": "error", "message": "no such cursor"}, 400)],
    }
    transport = replay(
        {"/account-info/": [response({"portalId": 1}, Date=date_of(first))], **rules}
    )
    run = sync()
    assert run.exit_code == 0
    assert run.records() == EXPECTED[first] + EXPECTED[second]
    assert sum("after=MzI4Mzk2MDg2" in target for target in transport.requests) == 1


def date_of(number: int) -> str:
    """Return the `Date` of an entry."""
    return str(entry(number).headers["date"])


@pytest.mark.parametrize(("number", "thread_id"), PAGES_OF_MESSAGES.items())
def test_messages(replay: Any, number: int, thread_id: str) -> None:
    """Each message of a page is emitted with every column and its thread's ID."""
    transport = replay({rf"{MESSAGES}(?!.*after=)": [page_of(number)]})
    run = sync("messages", thread_ids=[thread_id])
    assert run.exit_code == 0
    assert run.records("messages") == EXPECTED[number]
    assert all(list(record) == columns("messages") for record in run.output.records("messages"))
    after = [unquote(target) for target in transport.requests if "after=" in target]
    assert [target.endswith("after=MQ==") or "after=MQ==&" in target for target in after] == (
        [True] if number == 23 else []
    )


@pytest.mark.parametrize(("number", "stream"), LISTS.items())
def test_lists(replay: Any, number: int, stream: str) -> None:
    """Inboxes, channels and channel accounts are emitted; unknown keys are kept."""
    path = stream.replace("_", "-")
    replay({rf"/{path}(?!.*archived=true)": [page_of(number)]})
    run = sync(stream)
    assert run.exit_code == 0
    assert run.records(stream) == EXPECTED[number]
    assert all(list(record) == columns(stream) for record in run.output.records(stream))


@pytest.mark.parametrize("number", ACTORS)
def test_actors(replay: Any, number: int) -> None:
    """An actor of a thread is emitted, even if it has only an ID and a type."""
    thread = response({"id": "1", "assignedTo": EXPECTED[number][0]["id"]})
    replay({BY_ID: [thread], "POST .*/actors/batch/read": [page_of(number)]})
    run = sync("threads", "actors", thread_ids=[1])
    assert run.exit_code == 0
    assert run.records("actors") == EXPECTED[number]
    assert all(list(record) == columns("actors") for record in run.output.records("actors"))


# Not found


@pytest.mark.parametrize("has_worked", [False, True])
@pytest.mark.parametrize("number", NOT_FOUND)
def test_not_found(
    replay: Any, number: int, caplog: pytest.LogCaptureFixture, *, has_worked: bool
) -> None:
    """After a success or a probe, HubSpot's own 404 logs a warning that names the ID."""
    transport = replay({r"/threads/996174569112\?": [entry(number)]})
    run = sync(thread_ids=[*([7] if has_worked else []), 996174569112])
    assert run.exit_code == 0
    assert [record["id"] for record in run.records()] == (["7"] if has_worked else [])
    assert "1 thread(s) not found, neither live nor archived: 996174569112" in caplog.text
    assert any("archived=true" in target for target in transport.requests)
    probes = [target for target in transport.requests if re.search(LIST, target)]
    assert len(probes) == (0 if has_worked else 1)
    assert all(re.search(PROBE, target) for target in probes)


@pytest.mark.parametrize("number", NOT_FOUND)
def test_archived_thread(replay: Any, number: int) -> None:
    """A thread that is not found live is read as archived."""
    archived = response({"id": "17", "archived": True})
    replay({r"/threads/17\?.*archived=true": [archived], r"/threads/17\?": [entry(number)]})
    run = sync(thread_ids=[17])
    assert (run.exit_code, run.records()) == (0, [{"id": "17", "archived": True}])


@pytest.mark.parametrize("number", [*NOT_FOUND, *FOREIGN_404])
def test_wrong_address(replay: Any, number: int) -> None:
    """A 404 to every request means a wrong address, and not that a thread was not found."""
    replay({"/conversations/": [entry(number)]})
    run = sync(thread_ids=[17])
    assert run.exit_code == 78
    assert run.output.records() == []
    assert "api_url" in str(run.error)
    assert "api_version" in str(run.error)


@pytest.mark.parametrize("ids", [[17], [7, 17]])
@pytest.mark.parametrize("number", FOREIGN_404)
def test_foreign_404(
    replay: Any, number: int, ids: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """Any other 404 fails that thread after three attempts; the others are emitted."""
    transport = replay({r"/threads/17\?": [entry(number)]})
    run = sync(thread_ids=[*ids, 8])
    assert run.exit_code == 1
    assert [record["id"] for record in run.records()] == [str(n) for n in ids if n != 17] + ["8"]
    assert "17" in str(run.error)
    assert "api_url" in str(run.error)
    assert "api_version" in str(run.error)
    assert "not found" not in caplog.text
    assert sum("/threads/17?" in target for target in transport.requests) == 3


# Errors


@pytest.mark.parametrize("ids", [[17], [7, 17]])
@pytest.mark.parametrize(("number", "reason"), REFUSED.items())
def test_refused_thread(replay: Any, number: int, reason: str, ids: list[int]) -> None:
    """A 400 for a thread fails that thread with HubSpot's reason, without a retry."""
    transport = replay({r"/threads/17\?": [entry(number)]})
    run = sync(thread_ids=[*ids, 8])
    assert run.exit_code == 1
    assert [record["id"] for record in run.records()] == [str(n) for n in ids if n != 17] + ["8"]
    assert reason in str(run.error).replace('\\"', '"')
    assert sum("/threads/17?" in target for target in transport.requests) == 1


@pytest.mark.parametrize(("number", "reason"), REFUSED.items())
def test_refused_list(replay: Any, number: int, reason: str) -> None:
    """A 400 for the list ends the sync with HubSpot's reason."""
    replay({LIST: [entry(number)]})
    run = sync()
    assert run.exit_code == 78
    assert reason in str(run.error).replace('\\"', '"')
    assert run.output.records() == []


def test_partial_batch(replay: Any) -> None:
    """A partial batch of actors is a success; missing actors do not fail the sync."""
    thread = response({"id": "1", "assignedTo": "A-1"})
    replay({BY_ID: [thread], "POST .*/actors/batch/read": [entry(PARTIAL)]})
    run = sync("threads", "actors", thread_ids=[1])
    assert run.exit_code == 0
    assert run.records() == [{"id": "1", "assignedTo": "A-1"}]
    assert run.output.records("actors") == []


@pytest.mark.parametrize("ids", [[17], [7, 17]])
def test_missing_scope(replay: Any, ids: list[int]) -> None:
    """A missing scope ends the sync with an error that names the scope."""
    transport = replay({r"/threads/17\?": [entry(NO_SCOPE)]})
    run = sync(thread_ids=ids)
    assert run.exit_code == 78
    assert "scope conversations.read" in str(run.error)
    assert "MISSING_SCOPES" in str(run.error)
    assert sum("/threads/17?" in target for target in transport.requests) == 1


@pytest.mark.parametrize("ids", [[17], [7, 17]])
@pytest.mark.parametrize("number", TOKENS)
def test_token(replay: Any, number: int, ids: list[int]) -> None:
    """An expired or invalid token ends the sync with an error that names the setting."""
    transport = replay({r"/threads/17\?": [entry(number)]})
    run = sync(thread_ids=ids)
    assert run.exit_code == 78
    assert "access_token" in str(run.error)
    assert "EXPIRED_AUTHENTICATION" in str(run.error)
    assert sum("/threads/17?" in target for target in transport.requests) == 1


@pytest.mark.parametrize("ids", [[17], [7, 17]])
def test_daily_quota(replay: Any, ids: list[int]) -> None:
    """A spent daily quota ends the sync at once."""
    transport = replay({r"/threads/17\?": [entry(DAILY)]})
    run = sync(thread_ids=[*ids, 8])
    assert run.exit_code == 75
    assert "used up" in str(run.error)
    assert sum("/threads/17?" in target for target in transport.requests) == 1


@pytest.mark.parametrize("ids", [[17], [7, 17]])
@pytest.mark.parametrize("number", TRANSIENT)
def test_transient(replay: Any, number: int, ids: list[int], waits: list[float]) -> None:
    """A rate limit and the statuses 520 and 524 are retried after a wait."""
    transport = replay({r"/threads/17\?": [entry(number), response({"id": "17"})]})
    run = sync(thread_ids=ids)
    assert run.exit_code == 0
    assert [record["id"] for record in run.records()] == [str(n) for n in ids]
    assert sum("/threads/17?" in target for target in transport.requests) == 2
    assert sum(waits) > 0


@pytest.mark.parametrize("ids", [[17], [7, 17]])
def test_not_a_thread(replay: Any, ids: list[int]) -> None:
    """A 200 that is not a thread is retried, and then fails that thread."""
    transport = replay({r"/threads/17\?": [entry(NOT_A_THREAD)]})
    run = sync(thread_ids=[*ids, 8], max_attempts=4)
    assert run.exit_code == 1
    assert [record["id"] for record in run.records()] == [str(n) for n in ids if n != 17] + ["8"]
    assert "17" in str(run.error)
    assert sum("/threads/17?" in target for target in transport.requests) == 4
