"""Run taps as processes, as a scheduler does, and load their output."""

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
    """Starts taps for one account, and loads their output into rows by ID."""

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
        """Start a tap from a state. `before` is Python code that its process runs first."""
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
        """Run a tap that must succeed, load its output, and return its last state."""
        output = self.start(state, before=before).end()
        self.load(output)
        return last_state(output)

    def load(self, output: Output) -> None:
        """Upsert the rows, as a target does."""
        self.rows |= {row["id"]: row for row in output.records()}
        self.deleted += [row["id"] for row in output.records("deleted_threads")]

    def check(self) -> None:
        """Compare the rows with the account, value by value."""
        assert self.rows == {row["id"]: row for row in self.lab.sync().records()}


class Tap:
    """A running tap."""

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
        """Wait until the tap has written `count` lines or has ended."""
        for line in self._stdout:
            self._lines.append(line)
            if len(self._lines) >= count:
                return

    def read_row(self, thread: Thread) -> None:
        """Wait until the tap has written the record of a thread."""
        while f'"record":{{"id":"{thread.id}"' not in "".join(self._lines):
            self.read(len(self._lines) + 1)

    def end(self, exit_code: int = 0) -> Output:
        """Wait for the tap's end, and return its complete lines."""
        with self.popen:
            self._lines += self._stdout.read().splitlines(keepends=True)
        assert self.popen.returncode == exit_code, self.log.read_text()
        return Output("".join(line for line in self._lines if line.endswith("\n")))


def last_state(output: Output) -> dict[str, Any]:
    """Return the state that a scheduler passes to the next run."""
    state: dict[str, Any] = output.of_type("STATE")[-1]["value"]
    return state


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def open_thread(lab: Lab) -> Thread:
    """Return the first open thread, which a listing shows before all later ones."""
    return next(thread for thread in lab.threads if not thread.closed_at and not thread.archived)


def reassign(thread: Thread) -> None:
    """Change a thread silently."""
    thread.assigned_to = next(agent for agent in AGENTS if agent != thread.assigned_to)


def overlap(schedule: Schedule) -> tuple[Thread, Output, Output]:
    """Start and end a run while a slower run has already read an older value of a thread.

    Return the thread, the slow run's output, and the quick run's output.
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
