"""Failures of single items: everything else is read, and the error names the failed items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from tap_hubspot_threads.errors import (
    HubSpotError,
    IncompleteError,
    TransientError,
    WrongAddressError,
)
from tests.conftest import Lab, Life, ids, open_lab, select, set_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

WITH_MESSAGES = ("threads", "deleted_threads", "messages")
FORBIDDEN = '{"status": "error", "category": "FORBIDDEN", "message": "no access to this inbox"}'
REMOVED = '{"status": "error", "category": "USER_DOES_NOT_HAVE_PERMISSIONS", "message": "x"}'


@pytest.fixture
def life() -> Iterator[Life]:
    """An account of 60 threads with messages, never synced."""
    with open_lab(Account.sample(60)) as lab:
        yield Life(lab)


def threads_of_messages(life: Life) -> set[str]:
    """Return the IDs of the threads whose messages the last sync emitted."""
    return {row["conversationsThreadId"] for row in life.last.records("messages")}


@pytest.mark.usefixtures("waits")
def test_refused_messages_of_one_thread(life: Life) -> None:
    """A 403 for one thread's messages skips only these messages, and the bookmark advances."""
    account, catalog = life.lab.account, select(*WITH_MESSAGES)
    with_messages = {str(t.id) for t in life.lab.threads if account.messages(t)}
    refused = next(t for t in life.lab.threads if str(t.id) in with_messages)
    account.refused_messages.add(refused.id)
    with pytest.raises(
        IncompleteError, match=rf"403 FORBIDDEN.*{refused.id}|{refused.id}.*403"
    ) as end:
        life.sync(catalog)
    assert end.value.exit_code == 1
    assert "scope" not in str(end.value)
    assert threads_of_messages(life) == with_messages - {str(refused.id)}
    bookmark = life.threads_state["replication_key_value"]
    life.pass_time(hours=1)
    (new,) = life.threads(1)
    with pytest.raises(IncompleteError, match=str(refused.id)):
        life.sync(catalog)
    assert str(new.id) in threads_of_messages(life)
    assert life.threads_state["replication_key_value"] > bookmark


@pytest.mark.usefixtures("waits")
def test_many_refused_threads(life: Life) -> None:
    """However many threads in a row are refused, the others are emitted, with exit 1."""
    life.sync()
    life.pass_time(hours=1)
    changed = life.threads(20)
    life.lab.account.refused_threads.update(thread.id for thread in changed[:12])
    with pytest.raises(IncompleteError, match=str(changed[0].id)) as end:
        life.sync()
    assert end.value.exit_code == 1
    assert set(life.last.ids) == set(ids(changed[12:]))
    assert sorted(name for name, _ in life.threads_state["failed"]) == ids(changed[:12])


def test_refused_configured_thread(life: Life) -> None:
    """If the first configured thread is refused, one request for a page verifies the refusal."""
    first, *others = life.lab.live_ids[:9]
    life.lab.account.refused_threads.add(int(first))
    with pytest.raises(IncompleteError, match=first):
        life.sync(thread_ids=[first, *others], max_concurrency=1)
    assert life.last.ids == others
    assert len(life.lab.calls("limit=1(&|$)")) == 1


@pytest.mark.parametrize("status", [400, 403])
def test_every_batch_of_actors_is_refused(life: Life, status: Any) -> None:
    """If HubSpot refuses every actor, all messages are emitted, and the actors are counted."""
    account = life.lab.account
    account.refuses_actors = status
    with pytest.raises(IncompleteError, match=r"Could not read \d+ actor\(s\);") as end:
        life.sync(select(*WITH_MESSAGES, "actors"))
    assert end.value.exit_code == 1
    with_messages = {str(thread.id) for thread in life.lab.threads if account.messages(thread)}
    assert threads_of_messages(life) == with_messages
    assert len(life.lab.calls("/actors/")) < 60
    assert life.threads_state["replication_key_value"]


@pytest.mark.parametrize("path", ["/threads\\?", "/threads/", "/inboxes"])
def test_removed_user_ends_the_sync(life: Life, path: str) -> None:
    """If the user who created the token was removed, the sync ends with exit 78."""
    life.lab.script(path=path, status=403, body=REMOVED, times=100)
    with pytest.raises(HubSpotError, match="Rotate the token") as end:
        life.sync(select("threads", "messages", "inboxes"))
    assert end.value.exit_code == 78


PROPERTY = '{"status": "error", "message": "bad", "errors": [{"message": "no property x"}]}'


@pytest.mark.parametrize("thread_ids", [None, list(range(1, 41))], ids=["account", "IDs"])
def test_bad_property(life: Life, thread_ids: list[int] | None) -> None:
    """A 400 for every request names HubSpot's reason and the setting, with exit 78."""
    life.lab.script(path="/threads", status=400, body=PROPERTY, times=1000)
    settings: dict[str, Any] = {} if thread_ids is None else {"thread_ids": thread_ids}
    with pytest.raises(HubSpotError, match=r"no property x.*setting property") as end:
        life.sync(property="x", **settings)
    assert end.value.exit_code == 78
    assert "later" not in str(end.value)


@pytest.mark.parametrize(
    ("fault", "exit_code"),
    [
        ({"status": 403, "body": FORBIDDEN}, 1),
        ({"status": 403, "body": '{"status": "error", "category": "MISSING_SCOPES"}'}, 78),
        ({"status": 404, "headers": {"X-HubSpot-NotFound": "true"}}, 1),
        ({"status": 503}, 1),
    ],
    ids=["refused", "scope", "not found", "down"],
)
@pytest.mark.usefixtures("waits")
def test_failed_reference_list(life: Life, fault: dict[str, Any], exit_code: int) -> None:
    """A failed list affects no other stream; a missing scope leads to exit code 78."""
    life.lab.script(path="/inboxes", times=10**6, **fault)
    with pytest.raises(
        HubSpotError, match=r"Could not read the stream\(s\) inboxes; everything else was synced"
    ) as end:
        life.sync(select("threads", "inboxes", "channels"), max_attempts=2)
    assert end.value.exit_code == exit_code
    assert ("scope" in str(end.value)) == (exit_code == 78)
    assert sorted(life.last.ids) == sorted(life.lab.ids)
    assert life.last.records("channels")


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 404}, {"status": 403, "body": FORBIDDEN}]
)
def test_stuck_first_sync_reads_new_threads(
    monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    """A first sync that is stuck at a page reads new threads, and the error names the page."""
    set_runtime(monkeypatch, page_size=10)
    with open_lab(Account.sample(60)) as lab:
        life = Life(lab)
        lab.account.behavior.empty_pages = "never"
        last = lab.live_ids[9]
        lab.script(path="sort=id&after=", times=10**6, **fault)
        for _ in range(2):
            (new,) = life.threads(1)
            with pytest.raises(HubSpotError, match=f"live threads, after thread {last}") as end:
                life.sync(max_attempts=2)
            assert end.value.exit_code == 75
            assert str(new.id) in life.last.ids
            life.pass_time(hours=1)
        lab.emulator.faults.clear()
        life.sync()
        life.pass_time(hours=1)
        assert life.threads_state["listing_ranges"] == []
        assert life.threads_state["full_listing_rows"] >= len(lab.threads) - 10


@pytest.mark.usefixtures("waits")
def test_stuck_first_sync_loads_other_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the first listing is stuck, reference lists and the message backfill still run."""
    set_runtime(monkeypatch, page_size=10)
    with open_lab(Account.sample(60)) as lab:
        life = Life(lab)
        lab.script(path="sort=id&after=", status=500, times=10**6)
        with pytest.raises(HubSpotError, match="The full listing is stuck"):
            life.sync(select(*WITH_MESSAGES, "inboxes"), max_attempts=2)
        assert life.last.records("inboxes")
        with_messages = {str(t.id) for t in lab.threads if t.latest_message_at}
        assert threads_of_messages(life) >= with_messages


@pytest.mark.usefixtures("waits")
def test_stuck_full_listing_loads_other_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the full listing is stuck, reference lists and the message backfill still run."""
    set_runtime(monkeypatch, page_size=10)
    with open_lab(Account.sample(60)) as lab:
        life = Life(lab)
        life.sync()
        life.pass_time(days=2)
        lab.script(path="sort=id&after=", status=500, times=10**6)
        with pytest.raises(HubSpotError, match="The full listing is stuck"):
            life.sync(select(*WITH_MESSAGES, "inboxes"), max_attempts=2, open_threads_max_calls=0)
        assert life.last.records("inboxes")
        with_messages = {str(t.id) for t in lab.threads if t.latest_message_at}
        assert threads_of_messages(life) >= with_messages


OWN_404 = {"X-HubSpot-NotFound": "true"}


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("headers", [{}, OWN_404], ids=["a gateway's", "HubSpot's"])
@pytest.mark.parametrize("thread_ids", [None, ["17", "18"]], ids=["account", "IDs"])
def test_wrong_path(lab: Lab, headers: dict[str, str], thread_ids: list[str] | None) -> None:
    """A wrong path is reported as a wrong address, for a gateway's 404s and for HubSpot's own."""
    lab.script(path="/threads", status=404, body="<html>", headers=headers, times=100)
    settings: dict[str, Any] = {} if thread_ids is None else {"thread_ids": thread_ids}
    with pytest.raises(WrongAddressError, match="api_url and api_version") as end:
        lab.sync(**settings)
    assert end.value.exit_code == 78
    assert len(lab.calls("/threads")) <= 3


def test_path_that_worked_before(life: Life) -> None:
    """If the state shows that the address worked before, a wrong path leads to exit code 75."""
    life.sync()
    life.pass_time(hours=1)
    life.lab.script(path="/threads", status=404, headers=OWN_404, times=10**6)
    with pytest.raises(HubSpotError, match="worked in an earlier sync") as end:
        life.sync()
    assert end.value.exit_code == 75


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("status", [204, 206, 302])
def test_maintenance_page(life: Life, status: int) -> None:
    """An unexpected status below 400 is retried once a request of this sync has succeeded."""
    life.lab.script(path="/threads", skip=1, status=status, times=2)
    assert sorted(life.sync().ids) == sorted(life.lab.ids)


@pytest.mark.usefixtures("waits")
def test_malformed_token(lab: Lab) -> None:
    """A 530 for every request means a malformed token: exit 78, after few attempts."""
    lab.script(path=".*", status=530, body="<html>", times=10**6)
    with pytest.raises(HubSpotError, match="whole token") as end:
        lab.sync()
    assert end.value.exit_code == 78
    assert len(lab.calls(".*")) <= 6


@pytest.mark.usefixtures("waits")
def test_later_530_is_retried(life: Life) -> None:
    """A 530 after a successful request is retried."""
    life.lab.script(path="/threads", skip=1, status=530, times=4)
    assert sorted(life.sync().ids) == sorted(life.lab.ids)


@pytest.mark.usefixtures("waits")
def test_gateways_404s_for_every_read_by_id(life: Life) -> None:
    """A gateway's 404s lead to exit code 1, and no thread counts as not found."""
    life.sync()
    body = '{"statusCode": 404, "message": "Resource not found"}'
    for _ in range(3):
        life.pass_time(minutes=20)
        (new,) = life.threads(1)
        life.lab.script(path="/threads/", status=404, body=body, bare=True, times=10**6)
        with pytest.raises((IncompleteError, TransientError), match=str(new.id)):
            life.sync()
        assert life.last.records("deleted_threads") == []
        assert life.threads_state["not_found"] == []
    life.lab.emulator.faults.clear()
    assert {str(new.id)} <= set(life.sync().ids)
