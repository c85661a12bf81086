"""Runs that overlap, outlast their interval, die, or get a wrong state or a wrong clock.

Each tap is a process, as a scheduler starts it. docs/concepts/reliability.md describes each case.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
import pytest

from emulator.data.account import Account
from emulator.limits import RollingLimit
from tests.conftest import Lab, open_lab
from tests.packaging.test_meltano import Project
from tests.tools.scheduled import (
    SOON,
    Schedule,
    last_state,
    open_thread,
    overlap,
    reassign,
    wait_for,
)

pytestmark = pytest.mark.loads


@pytest.fixture
def schedule(lab: Lab, tmp_path: Path) -> Schedule:
    """The runs of a small account."""
    return Schedule(lab, tmp_path)


def test_concurrent_runs(tmp_path: Path) -> None:
    """Two concurrent runs both emit everything, share the rate limit, and leave a usable state."""
    limit = RollingLimit(maximum=40, interval=1)
    with open_lab(Account.sample(40), limit=limit) as lab:
        schedule = Schedule(lab, tmp_path, always_fetch_by_id=True)
        outputs = [tap.end() for tap in [schedule.start(), schedule.start()]]
        assert limit.refused <= 0.05 * len(lab.calls("."))
        limit.maximum = 1_000_000
        for output in outputs:
            assert sorted(output.ids) == sorted(lab.ids)
            schedule.load(output)
        changed = lab.threads[3]
        lab.account.message(changed, sent=True)
        for output in outputs:
            after = schedule.start(last_state(output)).end()
            assert str(changed.id) in after.ids
            schedule.load(after)
        schedule.check()


def test_run_outlasts_its_interval(schedule: Schedule) -> None:
    """If a slow run overwrites a newer row, its older state makes the next run fix the row."""
    changed, slow, quick = overlap(schedule)
    schedule.load(quick)
    schedule.load(slow)
    assert schedule.rows[str(changed.id)]["assignedTo"] != changed.assigned_to
    schedule.run(last_state(slow))
    schedule.check()


def test_slow_run_dies_before_saving_its_state(schedule: Schedule) -> None:
    """If a slow run loads an older row and dies, the next full listing fixes the row."""
    changed, slow, quick = overlap(schedule)
    schedule.load(quick)
    schedule.load(slow)
    account = schedule.lab.account
    account.clock = lambda: datetime.now(timezone.utc) + timedelta(hours=1)
    state = schedule.run(last_state(quick))
    assert schedule.rows[str(changed.id)]["assignedTo"] != changed.assigned_to
    account.clock = lambda: datetime.now(timezone.utc) + timedelta(hours=25)
    schedule.run(state)
    schedule.check()


SMALL_PAGES = """
from dataclasses import replace
from tap_hubspot_threads.tap import TapHubSpotThreads as Tap
Tap.runtime = replace(Tap.runtime, state_interval=0, page_size=20)
"""
"""Makes pages small, and writes STATE after each page."""


def test_repeated_kills(schedule: Schedule) -> None:
    """Runs that are killed repeatedly resume from the last STATE until everything is loaded."""
    lab = schedule.lab
    state = None
    for kill_after in (45, 40, None):
        if kill_after:
            # The run is killed long before the delay ends.
            lab.script(path="after=", skip=1, delay=10, times=1)
        tap = schedule.start(state, before=SMALL_PAGES)
        if kill_after:
            tap.read(kill_after)
            tap.popen.kill()
        output = tap.end(-signal.SIGKILL if kill_after else 0)
        schedule.load(output)
        state = last_state(output)
    schedule.check()
    first_pages = lab.calls(r"sort=id(?!.*after=)(?!.*threadStatus).*limit=20\b")
    assert len(first_pages) == 2  # one for live threads, one for archived ones


@pytest.mark.parametrize("text", ["", '{"bookmarks": {"thre'])
def test_truncated_state(schedule: Schedule, tmp_path: Path, text: str) -> None:
    """A truncated state file is an error that names it, and starts no first sync."""
    path = tmp_path / "state.json"
    path.write_text(text)
    tap = schedule.start(state_file=path)
    assert tap.end(78).text == ""
    assert f"--state {path}: not JSON" in tap.log.read_text().splitlines()[-1]


def test_older_state(schedule: Schedule) -> None:
    """A sync from an older state reads all later changes again, and emits a deletion again."""
    lab = schedule.lab

    def at(**since: float) -> None:
        lab.account.clock = lambda: datetime.now(timezone.utc) + timedelta(**since)

    yesterday = state = schedule.run()
    for hours in (1, 2):
        at(hours=hours)
        for thread in [lab.account.create(), *lab.threads[3:6]]:
            lab.account.message(thread, sent=True)
        candidate = open_thread(lab)
        if hours == 1:
            lab.account.delete(candidate)
            del schedule.rows[str(candidate.id)]
        else:
            reassign(candidate)
        state = schedule.run(state)
        schedule.check()
    assert len(schedule.deleted) == 1
    newest, state = dict(schedule.rows), yesterday
    for hours in (3, 4):
        at(hours=hours)
        state = schedule.run(state)
    assert schedule.rows == newest
    schedule.check()
    assert len(schedule.deleted) == 2
    assert len(set(schedule.deleted)) == 1


def test_meltano_refuses_a_second_run(lab: Lab, tmp_path: Path) -> None:
    """Meltano refuses a second run of a state ID, for a while even if the first was killed."""
    project = Project(tmp_path / "project")
    (tmp_path / "bin").mkdir()
    target = tmp_path / "bin" / "target-postgres"
    target.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    target.chmod(0o755)
    path = f"{target.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    run = ("el", "tap-hubspot-threads", "target-postgres", "--state-id", "acme")
    lab.script(path="sort=id.*archived=true", delay=60)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(project.call, lab, *run, PATH=path)
        wait_for(lambda: lab.calls("sort=id.*archived=true"))
        second = project.call(lab, *run, PATH=path)
        (meltano,) = [one for one in psutil.Process().children() if "acme" in one.cmdline()]
        for process in [*meltano.children(recursive=True), meltano]:
            process.kill()
        assert first.result().returncode == -signal.SIGKILL
    third = project.call(lab, *run, PATH=path)
    for refused in (second, third):
        assert refused.returncode == 1
        assert "Another 'acme' pipeline is already running" in refused.stdout + refused.stderr


WRONG_CLOCK = """
import time, time_machine
from tap_hubspot_threads.singer.row_to_record import HubSpotStream
write, clock = HubSpotStream.write, time_machine.travel(time.time() + {before}).start()
def write_and_jump(stream, row):
    write(stream, row)
    clock.shift({jump})
    HubSpotStream.write = write
HubSpotStream.write = write_and_jump
"""
"""Sets this machine's clock wrong, and moves it after the first record."""

DAYS = 2 * 86_400


@pytest.mark.parametrize(
    "clock",
    [
        {"before": DAYS, "jump": 0},
        {"before": -DAYS, "jump": 0},
        {"before": 0, "jump": DAYS},
        {"before": 0, "jump": -DAYS},
    ],
    ids=["ahead", "behind", "jumps ahead", "jumps back"],
)
def test_wrong_clock(tmp_path: Path, clock: dict[str, int]) -> None:
    """The bookmark is HubSpot's time, even if this machine's clock is wrong."""
    with open_lab(Account.sample(30), latency=0.02) as lab:
        schedule = Schedule(lab, tmp_path, always_fetch_by_id=True, max_concurrency=2)
        before = WRONG_CLOCK.format(**clock)
        started = datetime.now(timezone.utc)
        state = schedule.run(before=before)
        bookmark = state["bookmarks"]["threads"]["replication_key_value"]
        passed = datetime.fromisoformat(bookmark.replace("Z", "+00:00")) - started
        assert timedelta(seconds=-1) <= passed <= timedelta(seconds=SOON)
        lab.account.message(open_thread(lab), sent=False)
        lab.emulator.requests.clear()
        schedule.run(state, before=before)
        assert not lab.calls(r"sort=id(?!.*(threadStatus|after=))")
        schedule.check()
