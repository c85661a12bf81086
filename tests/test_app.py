"""From the settings and the selection to a sync: which one, and what it asks for."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.app import make_sync
from tap_hubspot_threads.sync.account import AccountSync
from tap_hubspot_threads.sync.children import actors
from tap_hubspot_threads.sync.configured import ConfiguredSync
from tap_hubspot_threads.sync.phases.reference_lists import ListsSync
from tap_hubspot_threads.values import shift
from tests.sync.fakes import LOG, NOW, Inline, fake, page, row, write

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = {
    "thread_fetch": "auto",
    "refresh_open_calls": 0,
    "full_listing_hours": 24,
    "full_listing_calls": 30,
    "lookback_seconds": 60,
    "daily_quota_reserve_percent": 10,
    "include_archived": False,
}
ACCOUNT = 53
T1 = shift(NOW, seconds=-60)


def make(
    *selected: str,
    hubspot: Any = None,
    ids: list[str] | None = None,
    bookmarks: Mapping[str, Any] | None = None,
    with_originals: bool = False,
    **settings: Any,
) -> Any:
    """Make a sync of such streams."""
    return make_sync(
        CONFIG | settings,
        hubspot=hubspot or fake(),
        workers=Inline(),
        ids=ids,
        selected=selected,
        with_originals=with_originals,
        bookmarks=bookmarks or {},
        clock=partial(next, count()),
        log=LOG,
    )


class Account:
    """An account with these threads, each with one message of one sender; `asked` is what was."""

    quota_share = None

    def __init__(self, *threads: dict[str, Any]) -> None:
        self.threads = threads
        self.asked: list[str] = []

    def account_number(self) -> int:
        """As `HubSpot` says."""
        self.asked.append("account")
        return ACCOUNT

    def thread(self, thread_id: str, **_: Any) -> dict[str, Any]:
        """As `HubSpot` says."""
        self.asked.append(f"thread {thread_id}")
        return next(found for found in self.threads if found["id"] == thread_id)

    def page_by_id(self, _: str | None, **__: Any) -> Any:
        """As `HubSpot` says."""
        self.asked.append("by id")
        return page(*self.threads)

    def page_by_time(self, since: str, _: str | None, **__: Any) -> Any:
        """As `HubSpot` says."""
        self.asked.append("by time")
        return page(
            *(found for found in self.threads if (found["latestMessageTimestamp"] or "") >= since)
        )

    def page_of_messages(self, thread_id: str, _: str | None, **__: Any) -> Any:
        """As `HubSpot` says."""
        self.asked.append(f"messages {thread_id}")
        nobody = {"createdBy": None, "assignedTo": None, "assignedFrom": None, "recipients": None}
        sender = [{"actorId": f"V-{thread_id}"}]
        message = {"id": f"m{thread_id}", "truncationStatus": "TRUNCATED", "senders": sender}
        return page(message | nobody)

    def original_content(self, _: str, message_id: str) -> dict[str, Any]:
        """As `HubSpot` says."""
        self.asked.append(f"whole {message_id}")
        return {"text": "whole"}

    def actors(self, ids: list[str], **_: Any) -> list[dict[str, Any]]:
        """As `HubSpot` says."""
        self.asked.append(f"actors {' '.join(ids)}")
        return [{"id": name} for name in ids]

    def page_of(self, listed: Any, *_: Any, **__: Any) -> Any:
        """As `HubSpot` says."""
        self.asked.append(listed.name)
        return page({"id": "i"})


KNOWN = {"threads": {"replication_key_value": T1, "full_listing_started_at": T1}}


def account() -> Account:
    """Make an account with a thread that has changed, and one that has not."""
    old = shift(T1, seconds=-3_600)
    return Account(row(1, NOW, assignedTo="A-1"), row(2, old, assignedTo="A-2"))


@pytest.mark.parametrize(
    ("selected", "kind"),
    [
        (["threads"], AccountSync),
        (["messages"], AccountSync),
        (["actors"], AccountSync),
        (["thread_index"], ListsSync),
        (["inboxes"], ListsSync),
        (["deleted_threads"], type(None)),
        ([], type(None)),
    ],
    ids=str,
)
def test_kind_of_the_account(selected: list[str], kind: type) -> None:
    """Threads are followed for what hangs on them; what does not is listed alone."""
    assert type(make(*selected)) is kind


@pytest.mark.parametrize("selected", ["threads", "messages", "actors", "inboxes"])
def test_kind_of_configured_ids(selected: str) -> None:
    """Configured ids are read whatever is selected, and nothing is kept."""
    made = make(selected, ids=["1"], bookmarks=KNOWN)
    assert isinstance(made, ConfiguredSync)
    assert made.pack(is_final=True) is None


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
    hubspot = account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    write(make(*selected, hubspot=hubspot, bookmarks=state).run())
    assert hubspot.asked[:2] == ["account", "by time"]
    assert hubspot.asked[2:] == asked


def test_whole_texts() -> None:
    """Whole texts are read where they are wanted."""
    hubspot = account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    made = make("messages", hubspot=hubspot, bookmarks=state, with_originals=True)
    write(made.run())
    assert hubspot.asked[2:] == ["messages 1", "whole m1"]


@pytest.mark.parametrize("selected", [["messages"], ["threads", "messages"]], ids=str)
def test_later_selection(selected: list[str]) -> None:
    """Selected later, all messages come by a walk; each thread's once, and nothing is listed."""
    hubspot = account()
    made = make(*selected, hubspot=hubspot, bookmarks=KNOWN)
    write(made.run())
    assert "by id" not in hubspot.asked
    assert sorted(name for name in hubspot.asked if "messages" in name) == [
        "messages 1",
        "messages 2",
    ]
    assert made.pack(is_final=True)["messages"]["replication_key_value"] == NOW


def test_without_threads() -> None:
    """A sync without threads leaves none listed: the next with threads lists all of them."""
    hubspot = account()
    first = make("messages", hubspot=hubspot, bookmarks=KNOWN)
    write(first.run())
    packed = first.pack(is_final=True)
    assert packed["threads"]["full_listing_started_at"] is None
    hubspot.asked.clear()
    second = make("threads", "messages", hubspot=hubspot, bookmarks=packed)
    assert ("threads", "2") in write(second.run())
    assert "by id" in hubspot.asked
    assert "messages 2" not in hubspot.asked
    assert second.pack(is_final=True)["threads"]["full_listing_started_at"] is not None


def test_open_threads_without_threads() -> None:
    """An open thread that goes by without its row is in doubt: its row comes with the next."""
    hubspot = account()
    first = make("messages", hubspot=hubspot, bookmarks=KNOWN, refresh_open_calls=9)
    write(first.run())
    packed = first.pack(is_final=True)["threads"]["open_threads"]
    assert [entry[:3] for entry in packed] == ["1:L"]


def test_week_without_messages() -> None:
    """In a sync that does not read messages these fall behind, and are walked to by the next."""
    hubspot = account()
    state = KNOWN | {"messages": {"replication_key_value": T1}}
    first = make("threads", hubspot=hubspot, bookmarks=state)
    write(first.run())
    packed = first.pack(is_final=True)
    assert packed["messages"]["replication_key_value"] == T1
    hubspot.threads = (row(1, shift(NOW, seconds=-30)),)
    hubspot.asked.clear()
    write(make("messages", hubspot=hubspot, bookmarks=packed, lookback_seconds=0).run())
    assert hubspot.asked.count("messages 1") == 1


@pytest.mark.parametrize(
    ("bookmarks", "words"),
    [
        ({}, "no bookmark yet"),
        ({"threads": {"listing": "live", "listing_started_at": NOW}}, "goes on where it was"),
        (KNOWN | {"threads": {"wanted": "others"}}, "all is listed anew"),
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
    for done, out in enumerate(made.run()):
        if done == after:
            break
        if out.first:
            out.first()
            saved = made.pack(is_final=False) or saved
        if out.row:
            written.add((out.stream, out.row["id"]))
        if out.then:
            out.then()
        if out.row is None:
            saved = made.pack(is_final=False) or saved
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
    killed(make(*selected, hubspot=busy(), bookmarks=bookmarks), -1, full)
    assert sum(stream == "messages" for stream, _ in full) >= 7
    for after in range(60):
        written: set[tuple[str, str]] = set()
        state = killed(make(*selected, hubspot=busy(), bookmarks=bookmarks), after, written)
        killed(make(*selected, hubspot=busy(), bookmarks=state or bookmarks), -1, written)
        assert full <= written, after
