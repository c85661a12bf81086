"""Shared fixtures and helpers: an emulated account, and a tap that runs in this process."""

from __future__ import annotations

import io
import json
import re
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.faults import Fault
from emulator.limits import RollingLimit
from emulator.server import TOKEN, Emulator
from tap_hubspot_threads.signals import Stop
from tap_hubspot_threads.tap import TapHubSpotThreads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.data.thread import Thread

THREADS = 80
NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


UNBUFFERED = pytest.mark.parametrize(
    "environment",
    [{"PYTHONUNBUFFERED": ""}, {"PYTHONUNBUFFERED": "1"}],
    ids=["buffered", "unbuffered"],
)
"""Runs an output test with and without `PYTHONUNBUFFERED`, which most container images set."""


@dataclass
class Output:
    """The messages that a sync wrote to stdout, one line of JSON each."""

    text: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All messages, in the order in which they were written."""
        return [json.loads(line) for line in self.text.splitlines()]

    def of_type(self, message_type: str, stream: str | None = None) -> list[dict[str, Any]]:
        """Return the messages of a type, optionally of one stream."""
        return [
            message
            for message in self.messages
            if message["type"] == message_type and stream in {None, message.get("stream")}
        ]

    def records(self, stream: str = "threads") -> list[dict[str, Any]]:
        """Return the records of a stream."""
        return [message["record"] for message in self.of_type("RECORD", stream)]

    @property
    def ids(self) -> list[str]:
        """The IDs of the emitted threads."""
        return [record["id"] for record in self.records()]


class Lab:
    """An emulated account, and methods that run the tap against it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.account = emulator.account
        self.out = io.StringIO()

    @property
    def threads(self) -> list[Thread]:
        """The account's threads in listing order: live ones by ID, then archived ones."""
        threads = self.account.threads.values()
        return sorted(threads, key=lambda thread: (thread.archived, thread.id))

    @property
    def ids(self) -> list[str]:
        """The IDs of all threads, in listing order."""
        return [str(thread.id) for thread in self.threads]

    @property
    def live_ids(self) -> list[str]:
        """The IDs of the live threads."""
        return [str(thread.id) for thread in self.threads if not thread.archived]

    def config(self, **settings: Any) -> dict[str, Any]:
        """Return the settings that reach this account, plus the given ones."""
        return {"api_url": self.emulator.url, "access_token": TOKEN, **settings}

    def tap(self, catalog: dict[str, Any] | None = None, **settings: Any) -> TapHubSpotThreads:
        """Return a tap with these settings."""
        return TapHubSpotThreads(config=self.config(**settings), catalog=catalog)

    def sync(self, catalog: dict[str, Any] | None = None, **settings: Any) -> Output:
        """Run a whole sync. If it fails, `out` holds its output."""
        self.out = io.StringIO()
        with redirect_stdout(self.out):
            self.tap(catalog, **settings).sync_all()
        return Output(self.out.getvalue())

    def calls(self, pattern: str = "/conversations/|/oauth/") -> list[str]:
        """Return the requests so far that match, by default all but those for the account's ID."""
        return [target for target in self.emulator.requests if re.search(pattern, target)]

    def script(self, **fault: Any) -> None:
        """Add a fault to the emulator's script, by default for Conversations API requests."""
        fault.setdefault("path", "/conversations/")
        self.emulator.faults.append(Fault(**fault))


class Life:
    """An account with a clock that the test sets, and a tap that resumes from its last state."""

    def __init__(self, lab: Lab, **settings: Any) -> None:
        self.lab = lab
        self.settings = settings
        self.now = NOON
        self.state: dict[str, Any] = {}
        lab.account.clock = lambda: self.now

    @property
    def threads_state(self) -> dict[str, Any]:
        """The last state's `bookmarks.threads`."""
        threads_state: dict[str, Any] = self.state["bookmarks"]["threads"]
        return threads_state

    def pass_time(self, **duration: float) -> None:
        """Advance the account's clock."""
        self.now += timedelta(**duration)

    def tap(self, catalog: dict[str, Any] | None = None, **settings: Any) -> TapHubSpotThreads:
        """Return a tap that resumes from the last state."""
        state = json.loads(json.dumps(self.state))
        config = self.lab.config(**self.settings | settings)
        return TapHubSpotThreads(config=config, state=state, catalog=catalog)

    def sync(self, catalog: dict[str, Any] | None = None, **settings: Any) -> Output:
        """Run a sync from the last state, and store its last STATE, even if it fails."""
        out = io.StringIO()
        try:
            with redirect_stdout(out):
                self.tap(catalog, **settings).sync_all()
        finally:
            self.last = output = Output(out.getvalue())
            states = output.of_type("STATE")
            self.state = states[-1]["value"] if states else self.state
        return output

    def threads(self, count: int, **fields: Any) -> list[Thread]:
        """Create threads with these fields, each with one message received now."""
        created = []
        for _ in range(count):
            thread = self.lab.account.create()
            self.lab.account.message(thread, sent=False)
            for name, value in fields.items():
                setattr(thread, name, value)
            created.append(thread)
        return created


def ids(threads: list[Thread]) -> list[str]:
    """Return the IDs of threads."""
    return [str(thread.id) for thread in threads]


@contextmanager
def open_lab(account: Account | None = None, **options: Any) -> Iterator[Lab]:
    """Serve an account, without a rate limit unless the options set one."""
    options.setdefault("limit", RollingLimit(maximum=1_000_000))
    with Emulator(account or Account.sample(THREADS), **options) as emulator:
        yield Lab(emulator)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A small account without a rate limit."""
    with open_lab() as lab:
        yield lab


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each wait in the tap, with a clock that advances only by waiting."""
    seconds: list[float] = []

    def wait(stop: Stop, duration: float) -> None:
        stop.check()
        seconds.append(duration)

    monkeypatch.setattr(Stop, "wait", wait)
    set_runtime(monkeypatch, clock=lambda: sum(seconds))
    return seconds


def set_runtime(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
    """Replace parts of the tap's `Runtime`."""
    runtime = replace(TapHubSpotThreads.runtime, **parts)
    monkeypatch.setattr(TapHubSpotThreads, "runtime", runtime)


def select(*streams: str) -> dict[str, Any]:
    """Return a catalog that selects exactly these streams."""
    catalog = TapHubSpotThreads(config={}, validate_config=False).catalog_dict
    for entry in catalog["streams"]:
        root = next(meta for meta in entry["metadata"] if meta["breadcrumb"] == [])
        root["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return catalog
