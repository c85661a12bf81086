"""Taps as processes, as a scheduler starts them, and what is loaded of what they write."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from emulator.data.sample import AGENTS
from tests.conftest import Lab, Output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emulator.data.thread import Thread

START = "from tap_hubspot_threads.__main__ import main; main()"
SOON = 20


class Schedule:
    """Starts taps of one account, and loads what they write into rows by id."""

    def __init__(self, lab: Lab, folder: Path, **settings: Any) -> None:
        self.lab, self._folder, self._count = lab, folder, 0
        self._settings = settings
        self.rows: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        lab.account.behavior.status_filter = "works"

    def start(
        self,
        state: dict[str, Any] | None = None,
        *,
        state_file: Path | None = None,
        before: str = "",
    ) -> Tap:
        """Start a tap from a state; `before` is what its Python does first."""
        self._count += 1
        path = self._folder / f"{self._count}-config.json"
        path.write_text(json.dumps(self.lab.config(**self._settings)))
        command = [sys.executable, "-c", f"{before}\n{START}", "--config", str(path)]
        if state is not None:
            state_file = self._folder / f"{self._count}-state.json"
            state_file.write_text(json.dumps(state))
        if state_file:
            command += ["--state", str(state_file)]
        return Tap(command, self._folder / f"{self._count}.log")

    def run(self, state: dict[str, Any] | None = None, *, before: str = "") -> dict[str, Any]:
        """Run a tap to its good end and load what it wrote; return its last state."""
        output = self.start(state, before=before).end()
        self.load(output)
        return last_state(output)

    def load(self, output: Output) -> None:
        """Upsert the rows, as a target does."""
        self.rows |= {row["id"]: row for row in output.records()}
        self.deleted += [row["id"] for row in output.records("deleted_threads")]

    def check(self) -> None:
        """Hold the rows against the account, value by value."""
        assert self.rows == {row["id"]: row for row in self.lab.sync().records()}


class Tap:
    """A tap that runs."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        with log.open("w") as file:
            self.popen = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=file, encoding="utf-8"
            )
        assert self.popen.stdout
        self._stdout = self.popen.stdout
        self._lines: list[str] = []

    def read(self, count: int) -> None:
        """Wait until it has written so many lines, or has ended."""
        for line in self._stdout:
            self._lines.append(line)
            if len(self._lines) >= count:
                return

    def read_row(self, thread: Thread) -> None:
        """Wait until it has written the row of a thread."""
        while f'"record":{{"id":"{thread.id}"' not in "".join(self._lines):
            self.read(len(self._lines) + 1)

    def end(self, exit_code: int = 0) -> Output:
        """Wait for its end; return what it wrote, but for a line that it had not finished."""
        with self.popen:
            self._lines += self._stdout.read().splitlines(keepends=True)
        assert self.popen.returncode == exit_code, self.log.read_text()
        return Output("".join(line for line in self._lines if line.endswith("\n")))


def last_state(output: Output) -> dict[str, Any]:
    """Return what a scheduler keeps for the next run."""
    state: dict[str, Any] = output.of_type("STATE")[-1]["value"]
    return state


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def open_thread(lab: Lab) -> Thread:
    """Return the first open thread, which a listing shows before any that comes later."""
    return next(thread for thread in lab.threads if not thread.closed_at and not thread.archived)


def reassign(thread: Thread) -> None:
    """Change a thread silently."""
    thread.assigned_to = next(agent for agent in AGENTS if agent != thread.assigned_to)


def overlap(schedule: Schedule) -> tuple[Thread, Output, Output]:
    """Let a run begin and end while another one, which has read a thread's old value, is slow.

    Return the thread, and what the slow run and the quick one wrote.
    """
    lab = schedule.lab
    state = schedule.run()
    changed, last = open_thread(lab), lab.account.create()
    reassign(changed)
    for thread in (changed, last):
        lab.account.message(thread, sent=False)
    lab.script(path=f"/threads/{last.id}", delay=3)
    slow = schedule.start(state)
    wait_for(lambda: lab.calls(f"/threads/{last.id}"))
    slow.read_row(changed)
    reassign(changed)
    quick = schedule.start(state).end()
    return changed, slow.end(), quick
