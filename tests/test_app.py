"""From the settings and the selection to a sync: which one, and what it asks for."""

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


class Made:
    """A sync as the app builds it."""

    def __init__(self, sync: Sync) -> None:
        self.run = lambda: sync.events
        self.has_state = sync.bookmarks is not None
        self.bookmarks: Any = sync.bookmarks


def make(
    *selected: str,
    api: Any = None,
    ids: list[str] | None = None,
    bookmarks: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """Make a sync of such streams; None if there is nothing to read."""
    chosen = {"open_threads_max_calls": 0, "lookback_seconds": 60} | settings
    threads = ThreadFilter(include_archived=False)
    sync = build_sync(
        api or fake(),
        Inline(),
        Settings(threads=threads, **chosen),
        Selection.of(selected),
        ids=ids,
        bookmarks=bookmarks or {},
    )
    return Made(sync) if sync else None


class Account:
    """An account with these threads, each with one message of one sender; `asked` is what was."""

    quota_share = None

    def __init__(self, *threads: dict[str, Any]) -> None:
        self.threads = threads
        self.asked: list[str] = []

    def get_account_id(self) -> int:
        """As `HubSpotApi` says."""
        self.asked.append("account")
        return ACCOUNT

    def get_thread(self, thread_id: str, **_: Any) -> dict[str, Any]:
        """As `HubSpotApi` says."""
        self.asked.append(f"thread {thread_id}")
        return next(found for found in self.threads if found["id"] == thread_id)

    def list_threads(self, *_: Any, **__: Any) -> Iterator[Page]:
        """As `HubSpotApi` says."""
        self.asked.append("by id")
        yield page(*self.threads)

    def threads_since(self, since: str, **_: Any) -> Iterator[Page]:
        """As `HubSpotApi` says."""
        self.asked.append("by time")
        yield page(
            *(found for found in self.threads if (found["latestMessageTimestamp"] or "") >= since)
        )

    def list_messages(self, thread_id: str, **_: Any) -> Iterator[Page]:
        """As `HubSpotApi` says."""
        self.asked.append(f"messages {thread_id}")
        nobody = {"createdBy": None, "assignedTo": None, "assignedFrom": None, "recipients": None}
        sender = [{"actorId": f"V-{thread_id}"}]
        message = {"id": f"m{thread_id}", "truncationStatus": "TRUNCATED", "senders": sender}
        yield page(message | nobody)

    def get_original_content(self, _: str, message_id: str) -> dict[str, Any]:
        """As `HubSpotApi` says."""
        self.asked.append(f"whole {message_id}")
        return {"text": "whole"}

    def read_actors(self, ids: list[str], **_: Any) -> list[dict[str, Any]]:
        """As `HubSpotApi` says."""
        self.asked.append(f"actors {' '.join(ids)}")
        return [{"id": name} for name in ids]

    def list_all(self, reference: Any, **_: Any) -> Iterator[Page]:
        """As `HubSpotApi` says."""
        self.asked.append(reference.name)
        yield page({"id": "i"})


KNOWN = {"threads": {"replication_key_value": T1, "full_listing_started_at": T1}}


def account() -> Account:
    """Make an account with a thread that has changed, and one that has not."""
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
    """Threads are followed with a state; reference lists alone need none; some need no sync."""
    made = make(*selected)
    assert (made and made.has_state) is has_state


@pytest.mark.parametrize("selected", ["threads", "messages", "actors", "inboxes"])
def test_configured_ids_have_no_state(selected: str) -> None:
    """Configured IDs are read whatever is selected, and nothing is kept."""
    assert not make(selected, ids=["1"], bookmarks=KNOWN).has_state


@pytest.mark.parametrize(
    ("selected", "asked"),
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
def test_calls_of_an_increment(selected: list[str], asked: list[str]) -> None:
    """Nobody pays a call for a stream that is not selected, nor for a thread that is unchanged."""
    api = account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    write(make(*selected, api=api, bookmarks=state).run())
    assert api.asked[:2] == ["account", "by time"]
    assert api.asked[2:] == asked


def test_whole_texts() -> None:
    """Whole texts are read where they are wanted."""
    api = account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    made = make("messages", api=api, bookmarks=state, fetch_original_content=True)
    write(made.run())
    assert api.asked[2:] == ["messages 1", "whole m1"]


@pytest.mark.parametrize("selected", [["messages"], ["threads", "messages"]], ids=str)
def test_later_selection(selected: list[str]) -> None:
    """Selected later, all messages come by a walk; each thread's once, and nothing is listed."""
    api = account()
    made = make(*selected, api=api, bookmarks=KNOWN)
    write(made.run())
    assert "by id" not in api.asked
    assert sorted(name for name in api.asked if "messages" in name) == [
        "messages 1",
        "messages 2",
    ]
    assert made.bookmarks(is_final=True)["messages"]["replication_key_value"] == NOW


def test_without_threads() -> None:
    """A sync without threads leaves none listed: the next with threads lists all of them."""
    api = account()
    first = make("messages", api=api, bookmarks=KNOWN)
    write(first.run())
    packed = first.bookmarks(is_final=True)
    assert packed["threads"]["full_listing_started_at"] is None
    api.asked.clear()
    second = make("threads", "messages", api=api, bookmarks=packed)
    assert ("threads", "2") in write(second.run())
    assert "by id" in api.asked
    assert "messages 2" not in api.asked
    assert second.bookmarks(is_final=True)["threads"]["full_listing_started_at"] is not None


def test_open_threads_without_threads() -> None:
    """An open thread that goes by without its row is in doubt: its row comes with the next."""
    api = account()
    first = make("messages", api=api, bookmarks=KNOWN, open_threads_max_calls=9)
    write(first.run())
    packed = first.bookmarks(is_final=True)["threads"]["open_threads"]
    assert [entry[:3] for entry in packed] == ["1:L"]


def test_week_without_messages() -> None:
    """In a sync that does not read messages these fall behind, and are walked to by the next."""
    api = account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    first = make("threads", api=api, bookmarks=state)
    write(first.run())
    packed = first.bookmarks(is_final=True)
    assert packed["messages"]["replication_key_value"] == T1
    api.threads = (row(1, shift(NOW, seconds=-30)),)
    api.asked.clear()
    write(make("messages", api=api, bookmarks=packed, lookback_seconds=0).run())
    assert api.asked.count("messages 1") == 1


@pytest.mark.parametrize(
    ("bookmarks", "words"),
    [
        ({}, "No bookmark found"),
        (
            {"threads": {"listing": "live", "listing_started_at": NOW}},
            "Resuming the first sync",
        ),
        (KNOWN | {"threads": {"filters": "others"}}, "listing the whole account again"),
    ],
    ids=["first", "first goes on", "reset"],
)
def test_what_is_listed_is_told(
    bookmarks: Mapping[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """That the whole account is listed is told, with why."""
    caplog.set_level("INFO")
    make("threads", bookmarks=bookmarks)
    assert words in caplog.text


def killed(made: Any, after: int, written: set[tuple[str, str]]) -> dict[str, Any] | None:
    """Write so many outputs, as the loop does; return the last state that was saved by then."""
    saved = None
    for done, event in enumerate(made.run()):
        if done == after:
            break
        if isinstance(event, Record):
            written.add((event.stream, event.row["id"]))
        elif isinstance(event, StateChange):
            event.apply()
            saved = made.bookmarks(is_final=False) or saved
    return saved


def busy() -> Account:
    """Make an account with open and closed threads, some of one moment, one without a message."""
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
def test_killed_behind_any_output(
    bookmarks: dict[str, Any], selected: list[str], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a sync is killed, the next one brings every message and every actor of it."""
    monkeypatch.setattr(actors, "MAX_ACTORS", batch)
    full: set[tuple[str, str]] = set()
    killed(make(*selected, api=busy(), bookmarks=bookmarks), -1, full)
    assert sum(stream == "messages" for stream, _ in full) >= 7
    for after in range(60):
        written: set[tuple[str, str]] = set()
        state = killed(make(*selected, api=busy(), bookmarks=bookmarks), after, written)
        killed(make(*selected, api=busy(), bookmarks=state or bookmarks), -1, written)
        assert full <= written, after
