"""What the benchmarks share: an emulator and taps as processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.data import account as accounts
from tap_hubspot_threads.tap import TapHubSpotThreads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


MEASURE = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
took = time.perf_counter() - started
print(took, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""
"""Runs a command from a small process: what a process takes at its peak begins with what the one
took that it was forked from."""


@dataclass
class Account:
    """An emulated account: how to reach it, and once it was served what it was asked.

    `arrivals` are the requests' monotonic seconds; `refused` is how many got a 429.
    """

    config: dict[str, Any]
    arrivals: list[float] = field(default_factory=list)
    refused: int = 0


@contextmanager
def emulator(
    *, threads: int, latency: float, limit: str = "1000000/10", messages: int = 0
) -> Iterator[Account]:
    """Serve an account by a process of its own.

    `limit` is requests/seconds; `messages` is how many more each thread has than it would.
    """
    maximum, interval = limit.split("/")
    command = [sys.executable, "-m", "emulator", "--report", "--threads", str(threads)]
    command += ["--latency", str(latency), "--limit", maximum, "--interval", interval]
    command += ["--messages", str(messages)]
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


def run(module: str, config: dict[str, Any], *, select: Collection[str] = ()) -> Run:
    """Run a tap to its end; this one with these streams alone, if some are named."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "config.json"), Path(folder, "out.jsonl")
        path.write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, "-m", module, "--config", str(path)]
        if select:
            catalog = Path(folder, "catalog.json")
            catalog.write_text(json.dumps(catalog_of(config, select)), encoding="utf-8")
            command += ["--catalog", str(catalog)]
        with out.open("w") as file:
            measured = subprocess.run(
                [sys.executable, "-c", MEASURE, *command],
                stdout=file,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                check=True,
            )
        wall, cpu, memory = map(float, measured.stderr.split())
        with out.open(encoding="utf-8") as lines:
            messages = map(json.loads, lines)
            ids = [message["record"]["id"] for message in messages if message["type"] == "RECORD"]
    return Run(ids, wall, cpu, memory / 1024)


def catalog_of(config: dict[str, Any], select: Collection[str]) -> dict[str, Any]:
    """Return the tap's catalog with these streams selected, and no other."""
    catalog: dict[str, Any] = TapHubSpotThreads(config=config).catalog_dict
    for stream in catalog["streams"]:
        (whole,) = (entry for entry in stream["metadata"] if not entry["breadcrumb"])
        whole["metadata"]["selected"] = stream["stream"] in select
    return catalog


def live_ids(threads: int, count: int) -> list[str]:
    """Return the ids of so many live threads of an account of that size, without asking it."""
    account = accounts.Account.sample(threads)
    ids = [str(thread.id) for thread in account.threads.values() if not thread.archived]
    assert len(ids) >= count
    return ids[:count]
