"""What the benchmarks share: an emulator and taps as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator import account as accounts

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Account:
    """An emulated account: how to reach it, and once it was served what it was asked.

    `arrivals` are the requests' monotonic seconds; `refused` is how many got a 429.
    """

    config: dict[str, Any]
    arrivals: list[float] = field(default_factory=list)
    refused: int = 0


@contextmanager
def emulator(*, threads: int, latency: float, limit: str = "1000000/10") -> Iterator[Account]:
    """Serve an account by a process of its own; `limit` is requests/seconds."""
    maximum, interval = limit.split("/")
    command = [sys.executable, "-m", "emulator", "--report", "--threads", str(threads)]
    command += ["--latency", str(latency), "--limit", maximum, "--interval", interval]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout
        _, url, _, token = process.stdout.readline().split()
        account = Account({"api_url": url, "access_token": token})
        try:
            yield account
        finally:
            process.terminate()
            asked = json.loads(process.stdout.read())
            account.arrivals, account.refused = asked["arrivals"], asked["refused"]


@dataclass
class Run:
    """A finished run of a tap; seconds include the start of the process, memory is at its peak."""

    ids: list[str]
    wall: float
    cpu: float
    memory: float
    """MB."""


def run(module: str, config: dict[str, Any]) -> Run:
    """Run a tap to its end."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "config.json"), Path(folder, "out.jsonl")
        path.write_text(json.dumps(config), encoding="utf-8")
        started = time.perf_counter()
        with out.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "--config", str(path)],
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        assert status == 0, status
        messages = map(json.loads, out.read_text(encoding="utf-8").splitlines())
        ids = [message["record"]["id"] for message in messages if message["type"] == "RECORD"]
    return Run(ids, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def live_ids(threads: int, count: int) -> list[str]:
    """Return the ids of so many live threads of an account of that size, without asking it."""
    account = accounts.Account.sample(threads)
    ids = [str(thread.id) for thread in account.threads.values() if not thread.archived]
    assert len(ids) >= count
    return ids[:count]
