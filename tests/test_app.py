"""`build_sync`: which sync it builds for the settings and the selection, and its API calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.app import build_sync
from tap_hubspot_threads.models import Record, Selection, StateChange
from tap_hubspot_threads.settings.settings import Settings, ThreadFilter
from tap_hubspot_threads.sync.children import actors
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, Inline, fake, page, row, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_hubspot_threads.app import Sync
    from tap_hubspot_threads.models import Page

ACCOUNT = 53
T1 = shift(NOW, seconds=-60)


class BuiltSync:
    """A sync as the app builds it."""

    def __init__(self, sync: Sync) -> None:
        self.run = lambda: sync.events
        self.has_state = sync.bookmarks is not None
        self.bookmarks: Any = sync.bookmarks


def build(
    *selected: str,
    api: Any = None,
    ids: list[str] | None = None,
    bookmarks: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """Build a sync of these streams. Return None if there is nothing to read."""
    chosen = {"open_threads_max_calls": 0, "lookback_seconds": 120} | settings
    threads = ThreadFilter(include_archived=False)
    sync = build_sync(
        api or fake(),
        Inline(),
        Settings(threads=threads, **chosen),
        Selection.of(selected),
        ids=ids,
        bookmarks=bookmarks or {},
    )
    return BuiltSync(sync) if sync else None


class Account:
    """A fake `HubSpotApi`. Each thread has one message; `calls` lists the API calls."""

    quota_share = None

    def __init__(self, *threads: dict[str, Any]) -> None:
        self.threads = threads
        self.calls: list[str] = []

    def get_account_id(self) -> int:
        """Implement `HubSpotApi`."""
        self.calls.append("account")
        return ACCOUNT

    def get_thread(self, thread_id: str, **_: Any) -> dict[str, Any]:
        """Implement `HubSpotApi`."""
        self.calls.append(f"thread {thread_id}")
        return next(found for found in self.threads if found["id"] == thread_id)

    def list_threads(self, *_: Any, **__: Any) -> Iterator[Page]:
        """Implement `HubSpotApi`."""
        self.calls.append("by id")
        yield page(*self.threads)

    def threads_since(self, since: str, **_: Any) -> Iterator[Page]:
        """Implement `HubSpotApi`."""
        self.calls.append("by time")
        yield page(
            *(found for found in self.threads if (found["latestMessageTimestamp"] or "") >= since)
        )

    def list_messages(self, thread_id: str, **_: Any) -> Iterator[Page]:
        """Implement `HubSpotApi`."""
        self.calls.append(f"messages {thread_id}")
        other_columns = {
            "createdBy": None,
            "assignedTo": None,
            "assignedFrom": None,
            "recipients": None,
        }
        sender = [{"actorId": f"V-{thread_id}"}]
        message = {"id": f"m{thread_id}", "truncationStatus": "TRUNCATED", "senders": sender}
        yield page(message | other_columns)

    def get_original_content(self, _: str, message_id: str) -> dict[str, Any]:
        """Implement `HubSpotApi`."""
        self.calls.append(f"original {message_id}")
        return {"text": "original"}

    def read_actors(self, ids: list[str], **_: Any) -> list[dict[str, Any]]:
        """Implement `HubSpotApi`."""
        self.calls.append(f"actors {' '.join(ids)}")
        return [{"id": name} for name in ids]

    def list_all(self, reference: Any, **_: Any) -> Iterator[Page]:
        """Implement `HubSpotApi`."""
        self.calls.append(reference.name)
        yield page({"id": "i"})


KNOWN = {
    "threads": {
        "replication_key_value": T1,
        "full_listing_started_at": T1,
        "full_listing_completed_at": T1,
    }
}


def changed_account() -> Account:
    """Return an account with one thread that has changed and one that has not."""
    old = shift(T1, seconds=-3_600)
    return Account(row(1, NOW, assignedTo="A-1"), row(2, old, assignedTo="A-2"))


@pytest.mark.parametrize(
    ("selected", "has_state"),
    [
        (["threads"], True),
        (["messages"], True),
        (["actors"], True),
        (["thread_index"], False),
        (["inboxes"], False),
        (["deleted_threads"], None),
        ([], None),
    ],
    ids=str,
)
def test_syncs_with_a_state(selected: list[str], has_state: Any) -> None:
    """A sync that tracks threads has a state. A selection that needs no API call has no sync."""
    built = build(*selected)
    assert (built and built.has_state) is has_state


@pytest.mark.parametrize("selected", ["threads", "messages", "actors", "inboxes"])
def test_configured_ids_have_no_state(selected: str) -> None:
    """A sync of configured IDs has no state, whatever is selected."""
    assert not build(selected, ids=["1"], bookmarks=KNOWN).has_state


@pytest.mark.parametrize(
    ("selected", "calls"),
    [
        (["threads"], ["thread 1"]),
        (["threads", "messages"], ["thread 1", "messages 1"]),
        (["threads", "actors"], ["thread 1", "actors A-1"]),
        (["threads", "inboxes"], ["thread 1", "inboxes", "inboxes"]),
        (["messages"], ["messages 1"]),
        (["actors"], ["actors A-1"]),
        (["messages", "actors"], ["messages 1", "actors A-1 V-1"]),
        (["threads", "messages", "actors"], ["thread 1", "messages 1", "actors A-1 V-1"]),
    ],
    ids=str,
)
def test_increment_calls(selected: list[str], calls: list[str]) -> None:
    """An increment makes no call for an unselected stream or an unchanged thread."""
    api = changed_account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    write(build(*selected, api=api, bookmarks=state).run())
    assert api.calls[:2] == ["account", "by time"]
    assert api.calls[2:] == calls


def test_original_content() -> None:
    """`fetch_original_content` reads the original content of truncated messages."""
    api = changed_account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    built = build("messages", api=api, bookmarks=state, fetch_original_content=True)
    write(built.run())
    assert api.calls[2:] == ["messages 1", "original m1"]


@pytest.mark.parametrize("selected", [["messages"], ["threads", "messages"]], ids=str)
def test_messages_selected_later(selected: list[str]) -> None:
    """If `messages` is selected later, a backfill reads each thread's messages once."""
    api = changed_account()
    built = build(*selected, api=api, bookmarks=KNOWN)
    write(built.run())
    assert "by id" not in api.calls
    assert sorted(name for name in api.calls if "messages" in name) == [
        "messages 1",
        "messages 2",
    ]
    assert built.bookmarks(is_final=True)["messages"]["replication_key_value"] == NOW


def test_sync_without_threads() -> None:
    """After a sync without `threads`, the next sync with it runs a full listing."""
    api = changed_account()
    first = build("messages", api=api, bookmarks=KNOWN)
    write(first.run())
    packed = first.bookmarks(is_final=True)
    assert packed["threads"]["full_listing_started_at"] is None
    api.calls.clear()
    second = build("threads", "messages", api=api, bookmarks=packed)
    assert ("threads", "2") in write(second.run())
    assert "by id" in api.calls
    assert "messages 2" not in api.calls
    assert second.bookmarks(is_final=True)["threads"]["full_listing_started_at"] is not None


def test_open_threads_without_threads() -> None:
    """A sync without `threads` marks open threads as inexact, so the next one emits them."""
    api = changed_account()
    first = build("messages", api=api, bookmarks=KNOWN, open_threads_max_calls=9)
    write(first.run())
    packed = first.bookmarks(is_final=True)["threads"]["open_threads"]
    assert [line[:3] for line in packed] == ["1:L"]


def test_messages_deselected_for_a_while() -> None:
    """Messages that a sync without `messages` skipped are backfilled by the next sync with it."""
    api = changed_account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    first = build("threads", api=api, bookmarks=state)
    write(first.run())
    packed = first.bookmarks(is_final=True)
    assert packed["messages"]["replication_key_value"] == T1
    api.threads = (row(1, shift(NOW, seconds=-30)),)
    api.calls.clear()
    write(build("messages", api=api, bookmarks=packed, lookback_seconds=120).run())
    assert api.calls.count("messages 1") == 1


@pytest.mark.parametrize(
    ("bookmarks", "message"),
    [
        ({}, "No bookmark found"),
        (
            {
                "threads": {
                    "replication_key_value": NOW,
                    "listing_started_at": NOW,
                    "listing_ranges": [["live", "17", None]],
                }
            },
            "Resuming the first sync",
        ),
        (KNOWN | {"threads": {"filters": "others"}}, "listing the whole account again"),
    ],
    ids=["first", "first resumes", "reset"],
)
def test_reason_for_full_listing_is_logged(
    bookmarks: Mapping[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A full listing of the account is logged with its reason."""
    caplog.set_level("INFO")
    build("threads", bookmarks=bookmarks)
    assert message in caplog.text


def run_and_kill(built: Any, count: int, written: set[tuple[str, str]]) -> dict[str, Any] | None:
    """Handle `count` events as the writer does. Return the last saved state."""
    saved = None
    for done, event in enumerate(built.run()):
        if done == count:
            break
        if isinstance(event, Record):
            written.add((event.stream, event.row["id"]))
        elif isinstance(event, StateChange):
            event.apply()
            saved = built.bookmarks(is_final=False) or saved
    return saved


def mixed_account() -> Account:
    """Return an account with threads of both statuses, equal times, and one without messages."""
    times = [*(shift(NOW, seconds=-60 * (number // 2)) for number in range(7)), None]
    status = ["OPEN", "CLOSED"]
    return Account(
        *(
            row(number, at, assignedTo=f"A-{number % 3}", status=status[number % 2])
            for number, at in enumerate(times, start=1)
        )
    )


@pytest.mark.parametrize("bookmarks", [{}, KNOWN], ids=["first", "later"])
@pytest.mark.parametrize("selected", [["threads", "messages", "actors"], ["messages", "actors"]])
@pytest.mark.parametrize("batch", [2, 100])
def test_killed_after_any_event(
    bookmarks: dict[str, Any], selected: list[str], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a sync is killed after any event, the next one emits every missing message and actor."""
    monkeypatch.setattr(actors, "MAX_ACTORS", batch)
    full: set[tuple[str, str]] = set()
    run_and_kill(build(*selected, api=mixed_account(), bookmarks=bookmarks), -1, full)
    assert sum(stream == "messages" for stream, _ in full) >= 7
    for after in range(60):
        written: set[tuple[str, str]] = set()
        state = run_and_kill(
            build(*selected, api=mixed_account(), bookmarks=bookmarks), after, written
        )
        run_and_kill(
            build(*selected, api=mixed_account(), bookmarks=state or bookmarks), -1, written
        )
        assert full <= written, after
