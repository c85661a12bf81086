"""Interrupted syncs: signals, dead or slow targets, closed terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from tests.conftest import UNBUFFERED, Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOON = 5


@pytest.fixture
def slow() -> Iterator[Lab]:
    """An account whose responses are slow, so that a sync takes a while."""
    with open_lab(Account.sample(300), latency=0.05) as lab:
        yield lab


class Process:
    """The tap in a process of its own; its log goes to a file."""

    def __init__(
        self, lab: Lab, folder: Path, environment: dict[str, str] | None = None, **settings: Any
    ) -> None:
        config, self._log = folder / "config.json", folder / "log"
        config.write_text(json.dumps(lab.config(**settings)))
        with self._log.open("w") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tap_hubspot_threads", "--config", str(config)],
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                env=os.environ | (environment or {}),
            )
        assert self.popen.stdout
        self.stdout = self.popen.stdout

    @property
    def log(self) -> str:
        """The log so far."""
        return self._log.read_text()

    def lines(self, count: int) -> list[str]:
        """Read `count` lines from stdout."""
        return [self.stdout.readline() for _ in range(count)]

    def wait_for(self, text: str) -> None:
        """Wait until the log contains a text."""
        end = time.monotonic() + 10
        while text not in self.log:
            assert time.monotonic() < end
            time.sleep(0.02)

    def finish(self) -> tuple[int, list[str]]:
        """Read the rest of stdout; return the exit code and these lines."""
        with self.popen:
            rest = self.stdout.read().splitlines()
        return self.popen.returncode, rest


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("by_id", [False, True])
@UNBUFFERED
def test_signal(
    slow: Lab, tmp_path: Path, signum: signal.Signals, environment: dict[str, str], *, by_id: bool
) -> None:
    """A signal ends the sync within seconds: whole messages, STATE last, exit code 128 + signal."""
    if not by_id:
        slow.script(path="after=", delay=30, times=100)
        slow.account.threads.update(Account.sample(1_200).threads)
    tap = Process(slow, tmp_path, environment, always_fetch_by_id=by_id, max_concurrency=2)
    first = tap.lines(30)
    started = time.monotonic()
    tap.popen.send_signal(signum)
    exit_code, rest = tap.finish()
    assert time.monotonic() - started < SOON
    messages = [json.loads(line) for line in [*first, *rest]]
    assert messages[-1]["type"] == "STATE"
    assert exit_code == 128 + signum
    assert signum.name in tap.log.splitlines()[-1]
    assert "Traceback" not in tap.log


def test_signal_while_requests_hang(lab: Lab, tmp_path: Path) -> None:
    """Hanging requests do not delay the end of an interrupted sync."""
    lab.script(path="/threads/", skip=20, delay=30, times=100)
    tap = Process(lab, tmp_path, thread_ids=lab.live_ids, max_concurrency=4)
    tap.lines(15)
    time.sleep(0.2)
    started = time.monotonic()
    tap.popen.terminate()
    exit_code, _ = tap.finish()
    assert time.monotonic() - started < SOON
    assert exit_code == 128 + signal.SIGTERM
    assert "Traceback" not in tap.log


def test_signal_while_waiting(lab: Lab, tmp_path: Path) -> None:
    """A long wait for `Retry-After` does not delay the end of an interrupted sync."""
    lab.script(status=503, headers={"Retry-After": "200"}, times=100)
    tap = Process(lab, tmp_path)
    tap.wait_for("Attempt 1 of 8 failed; retrying in 200.0 s")
    started = time.monotonic()
    tap.popen.terminate()
    assert tap.finish()[0] == 128 + signal.SIGTERM
    assert time.monotonic() - started < SOON


@UNBUFFERED
def test_second_signal_ends_at_once(slow: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    """If the target has stopped reading, a second signal ends the tap."""
    slow.account.threads.update(Account.sample(3_000, seed=1).threads)
    tap = Process(slow, tmp_path, environment)
    tap.lines(1)
    time.sleep(1)  # the pipe is full now, and the tap hangs in a write
    tap.popen.terminate()
    time.sleep(0.2)
    assert tap.popen.poll() is None
    tap.popen.terminate()
    assert tap.popen.wait(SOON) == 128 + signal.SIGTERM
    tap.finish()


@UNBUFFERED
def test_target_dies(slow: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    """If the target closes the pipe, the tap ends with one line and no traceback."""
    tap = Process(slow, tmp_path, environment, always_fetch_by_id=True)
    tap.lines(5)
    tap.stdout.close()
    assert tap.popen.wait(SOON) == 1
    assert "closed the pipe" in tap.log.splitlines()[-1]
    assert "Traceback" not in tap.log
    assert "Exception ignored" not in tap.log


@UNBUFFERED
def test_slow_target(lab: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    """A slow target receives every line."""
    tap = Process(lab, tmp_path, environment)
    lines = []
    for line in tap.stdout:
        lines.append(line)
        time.sleep(0.01)
    assert tap.finish()[0] == 0
    assert len(lines) == len(lab.ids) + 3


@UNBUFFERED
def test_terminal_closes(lab: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    """If stderr is closed, the sync still completes."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(lab.config()))
    command = [sys.executable, "-m", "tap_hubspot_threads", "--config", str(config)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | environment
    ) as tap:
        assert tap.stdout
        assert tap.stderr
        tap.stderr.close()
        assert len(tap.stdout.read().splitlines()) == len(lab.ids) + 3
    assert tap.returncode == 0


@UNBUFFERED
def test_killed_in_a_write(slow: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    """A tap killed at any moment has written whole lines, except possibly the last."""
    tap = Process(slow, tmp_path, environment, always_fetch_by_id=True)
    first = tap.lines(50)
    tap.popen.kill()
    _, rest = tap.finish()
    for line in [*first, *rest][:-1]:
        assert json.loads(line)["type"] in {"SCHEMA", "RECORD", "STATE"}
