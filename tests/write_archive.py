"""`python -m tests.write_archive COMMIT`: add what this version writes to the archive.

Only what the archive has nothing like yet, under the commit's name. It knows nothing of the tap's
inside, so that it can run other versions than this one too.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from emulator.faults import Fault
from emulator.limits import RollingLimit
from emulator.server import TOKEN, Emulator
from tap_hubspot_threads.parts import Machine
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.situations import CHANGED, CONFIGS, LATER, SITUATIONS, START, Situation, happen, sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.service import Call, Outcome

ARCHIVE = Path(__file__).parent / "archive"
WANTED = ("inbox_ids", "start_date", "include_archived")


class SmallPages(Emulator):
    """Gives five live threads a page, and two archived: a small account has many pages."""

    @override
    def handle(self, call: Call, wait: Callable[[float], None]) -> Outcome:
        size = 2 if "archived=true" in call.target else 5
        call.target = re.sub(r"limit=\d+", f"limit={size}", call.target)
        return super().handle(call, wait)


class Past:
    """An account's life until a situation; what the tap wrote, and what a target was given."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.lived: list[int] = []
        self.loaded: dict[str, int] = {}
        self.state: dict[str, Any] | None = None
        self.now = START
        emulator.account.clock = lambda: self.now

    def reach(self, situation: Situation) -> dict[str, Any] | None:
        """Return what the archive keeps of a situation; None: no STATE went out."""
        settings = {name: situation.settings[name] for name in WANTED if name in situation.settings}
        account = self.emulator.account
        if situation.hours:
            self._sync(Situation(settings=settings))
            self.lived.append(situation.hours)
            self.now += timedelta(hours=situation.hours)
            happen(account, turn=0)
            self.now += LATER
        if situation.fault:
            self.emulator.faults.append(Fault(**{"status": 403, "times": 1_000} | situation.fault))
        self._sync(situation)
        kept = {"settings": settings, "lived": self.lived, "loaded": self.loaded}
        return None if self.state is None else {**kept, "state": self.state}

    def _sync(self, situation: Situation) -> None:
        out, killed, nth, ticks = io.StringIO(), [], count(1), count()

        def look(target: str) -> None:
            if situation.is_gone_when_read and f"/threads/{CHANGED}" in target:
                self.emulator.account.threads.pop(CHANGED, None)
            if situation.kill and re.search(situation.kill[0], target):
                killed.extend([out.getvalue()] if next(nth) == situation.kill[1] else [])

        class TapWithClock(TapHubSpotThreads):
            machine = replace(Machine(), clock=lambda: next(ticks) * situation.seconds)

        self.emulator.before_answer = look
        config = {"api_url": self.emulator.url, "access_token": TOKEN, **situation.settings}
        catalog = make_catalog(situation) if situation.streams else None
        with redirect_stdout(out), suppress(Exception):
            TapWithClock(config=config, state=self.state, catalog=catalog).sync_all()
        self._load([json.loads(line) for line in (*killed, out.getvalue())[0].splitlines()])

    def _load(self, messages: list[dict[str, Any]]) -> None:
        states = [at for at, message in enumerate(messages) if message["type"] == "STATE"]
        for message in messages[: states[-1] if states else 0]:
            if message["type"] == "RECORD" and message["stream"] == "threads":
                self.loaded[message["record"]["id"]] = len(self.lived)
        if states:
            self.state = messages[states[-1]]["value"]


def discover() -> dict[str, Any]:
    """Return this version's catalog."""
    tap = TapHubSpotThreads(config={}, validate_config=False)
    catalog: dict[str, Any] = json.loads(json.dumps(tap.catalog_dict))
    return catalog


def make_catalog(situation: Situation) -> dict[str, Any]:
    """Make the catalog of a situation."""
    catalog = discover()
    for entry in catalog["streams"]:
        root = next(meta for meta in entry["metadata"] if meta["breadcrumb"] == [])["metadata"]
        root["selected"] = entry["tap_stream_id"] in situation.streams
        if situation.is_full_table:
            entry["replication_method"] = root["forced-replication-method"] = "FULL_TABLE"
    return catalog


def shape(value: Any, key: str = "") -> Any:
    """Return the keys and kinds of values; of what says where a sync stands the value itself."""
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if name != "starting_replication_value"}
        if key == "bookmarks":  # the SDK's, which say nothing
            kept = {name: item for name, item in kept.items() if item} or kept
        return {name: shape(item, name) for name, item in sorted(kept.items())}
    if isinstance(value, list):
        return sorted({json.dumps(shape(item)) for item in value})
    if key == "wanted":
        return shape(json.loads(value))
    if isinstance(value, str) and value.endswith("------"):
        return "open thread whose row is not known"
    return value if key == "listing" or isinstance(value, bool) else type(value).__name__


def identity(folder: str, content: dict[str, Any]) -> Any:
    """Return what two files of a folder must not have in common."""
    if folder == "states":
        return shape(content["state"])
    return sorted(content) if folder == "configs" else content


def write(folder: str, name: str, content: dict[str, Any]) -> None:
    """Write a file, unless the archive has one like it."""
    files = (ARCHIVE / folder).glob("*.json")
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    if identity(folder, content) not in [identity(folder, other) for other in kept]:
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (ARCHIVE / folder / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Add to the archive what this version writes and no version before it wrote."""
    commit = sys.argv[1]
    known = TapHubSpotThreads.config_jsonschema["properties"]
    for name, situation in SITUATIONS.items():
        if situation.settings.keys() <= known.keys():
            with SmallPages(sample(), limit=RollingLimit(maximum=1_000_000)) as emulator:
                kept = Past(emulator).reach(situation)
            if kept:
                write("states", f"{commit}-{name}", kept)
    write("catalogs", commit, discover())
    for name, config in CONFIGS.items():
        settings = {setting: value for setting, value in config.items() if setting in known}
        if {"access_token", "refresh_token"} & settings.keys():
            write("configs", f"{commit}-{name}", settings)


if __name__ == "__main__":
    main()
