"""What the archive is about: an account, what happens in it, and to the syncs that read it.

Files of the archive tell of `sample`, `happen`, `START` and `LATER`: those stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from emulator.account import HELP_DESK, SALES, Account
from emulator.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from emulator.server import TOKEN

START = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
"""When the first sync begins: after all that the account has at first."""
LATER = timedelta(minutes=10)
"""How long after what happened a sync begins: longer than it looks back."""
BY_ID, LIVE = r"/threads/\d", r"/threads\?(?!.*archived=true).*sort=id"
MESSAGES = r"/threads/\d+/messages"
ARCHIVED = r"/threads\?(?=.*archived=true).*sort=id"


def sample() -> Account:
    """Make the account of the archive: 20 threads, open and closed ones on both sides."""
    return Account.sample(20, seed=25)


def happen(account: Account, turn: int) -> None:
    """Let something happen: messages, live and archived, a new thread, one closed in silence.

    Args:
        account: Where.
        turn: How often it has happened before; each time the messages are in other threads.
    """
    threads = account.threads.values()
    live, archived = ([t for t in threads if t.archived == side] for side in (False, True))
    account.message(live[turn], sent=True)
    account.message(archived[turn], sent=True)
    account.close(next(thread for thread in live[turn + 1 :] if not thread.closed_at))
    account.message(account.create(), sent=False)


@dataclass
class Situation:
    """What happens to a sync, which is the first one unless `hours` have passed since that."""

    hours: int = 0
    fault: dict[str, Any] | None = None
    kill: tuple[str, int] | None = None
    """At which request the process is killed: a pattern, and how many of them have come."""
    seconds: float = 0
    """How far the tap's clock goes on each time it looks at it: STATE does not always go out."""
    is_gone_when_read: bool = False
    """Whether a thread that has changed is not found when it is read."""
    streams: tuple[str, ...] = ()
    is_full_table: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


EVERYTHING = ("threads", "deleted_threads", "messages", "actors", "inboxes", "channels")
ONE = {"max_concurrency": 1}
CHANGED = next(thread.id for thread in sample().threads.values() if thread.archived)
SITUATIONS = {
    "complete": Situation(),
    "second-sync": Situation(hours=1),
    "nothing-read": Situation(fault={"path": "/threads"}),
    "first-listing-live": Situation(fault={"path": LIVE, "skip": 3}),
    "first-listing-archived": Situation(fault={"path": ARCHIVED}),
    "first-listing-archived-page": Situation(fault={"path": ARCHIVED, "skip": 3}),
    "first-listing-by-id": Situation(
        fault={"path": BY_ID, "skip": 7}, settings={"thread_fetch": "by_id", **ONE}
    ),
    "first-listing-killed": Situation(kill=(LIVE, 4), seconds=10),
    "first-listing-killed-early": Situation(kill=(LIVE, 4)),
    "failed-threads": Situation(
        hours=1, fault={"path": f"/threads/{CHANGED}", "status": 500}, settings={"max_attempts": 1}
    ),
    "increment-interrupted": Situation(hours=1, fault={"path": BY_ID, "skip": 2}, settings=ONE),
    "increment-killed": Situation(hours=1, kill=(BY_ID, 4), seconds=10, settings=ONE),
    "increment-killed-early": Situation(hours=1, kill=(BY_ID, 8), settings=ONE),
    "gone-when-read": Situation(
        hours=1, is_gone_when_read=True, fault={"path": BY_ID, "skip": 8}, settings=ONE
    ),
    "later-listing-live": Situation(hours=25, settings={"full_listing_calls": 3}),
    "later-listing-archived": Situation(hours=25, fault={"path": ARCHIVED, "skip": 2}),
    "some-threads": Situation(
        streams=("thread_index", "threads"),
        settings={"inbox_ids": [HELP_DESK, SALES], "start_date": "2026-03-01T00:00:00Z"},
    ),
    "without-open-threads": Situation(settings={"refresh_open_calls": 0}),
    "configured-ids": Situation(settings={"thread_ids": list(sample().threads)[:3]}),
    "index-alone": Situation(streams=("thread_index",)),
    "index-too": Situation(streams=("thread_index", "threads")),
    "full-table": Situation(is_full_table=True, streams=("threads",)),
    "everything": Situation(streams=EVERYTHING),
    "messages-killed": Situation(kill=(MESSAGES, 8), seconds=10, streams=EVERYTHING, settings=ONE),
    "messages-failed": Situation(
        hours=1,
        fault={"path": f"/threads/{CHANGED}/messages", "status": 500},
        streams=("threads", "messages"),
        settings={"max_attempts": 1},
    ),
    "messages-alone": Situation(streams=("messages",)),
    "messages-alone-killed": Situation(
        kill=(LIVE, 4), seconds=10, streams=("messages",), settings=ONE
    ),
}

IDS_FILE = "thread-ids.csv"
SETTINGS: dict[str, Any] = {
    "inbox_ids": [str(HELP_DESK), SALES],
    "start_date": "2026-03-01T00:00:00Z",
    "thread_fetch": "by_id",
    "include_archived": False,
    "associations": [],
    "property": "subject",
    "refresh_open_calls": 20,
    "full_listing_hours": 12,
    "full_listing_calls": 30,
    "lookback_seconds": 60,
    "api_url": "https://api.example.com",
    "api_version": "2026-09",
    "rate_limit": 90,
    "daily_quota_reserve_percent": 20,
    "max_concurrency": 4,
    "request_timeout": 30,
    "max_attempts": 5,
    "original_content": True,
    "user_agent": "example/1.0",
    "stream_maps": {"threads": {"source": "config['source']"}},
    "stream_map_config": {"source": "HubSpot"},
    "flattening_enabled": True,
    "flattening_max_depth": 1,
    "flattening_separator": "_",
    "flattening_max_key_length": 60,
}
IDS = {"thread_ids": [str(min(sample().threads)), 17], "thread_ids_file": IDS_FILE}
OAUTH = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
CONFIGS = {
    "token": {"access_token": TOKEN, **SETTINGS},
    "ids": {"access_token": TOKEN, **IDS},
    "oauth": {**OAUTH, **SETTINGS},
}
