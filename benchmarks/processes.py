"""Helpers of the benchmarks: run the emulator and taps in separate processes."""

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
"""Runs a command from a small process, because a process's peak memory includes that of the process
that forked it."""


@dataclass
class Account:
    """An emulated account. `arrivals` and `refused` are set when the emulator has stopped."""

    config: dict[str, Any]
    """The tap's settings that select this account."""
    arrivals: list[float] = field(default_factory=list)
    """When each request arrived, in monotonic seconds."""
    refused: int = 0
    """Number of 429 responses."""


@contextmanager
def emulator(
    *, threads: int, latency: float, limit: str = "1000000/10", messages: int = 0, cap: int = 500
) -> Iterator[Account]:
    """Serve a sample account from a separate process.

    Args:
        threads: Size of the account.
        latency: Seconds per response.
        limit: Rate limit as requests/seconds.
        messages: Extra messages per thread.
        cap: Maximum rows per page.
    """
    maximum, interval = limit.split("/")
    command = [sys.executable, "-m", "emulator", "--report", "--threads", str(threads)]
    command += ["--latency", str(latency), "--limit", maximum, "--interval", interval]
    command += ["--messages", str(messages), "--behavior", json.dumps({"cap": cap})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout
        _, url, _, token = process.stdout.readline().split()
        account = Account({"api_url": url, "access_token": token})
        try:
            yield account
        finally:
            process.terminate()
            report = json.loads(process.stdout.read())
            account.arrivals, account.refused = report["arrivals"], report["refused"]


@dataclass
class Run:
    """A finished sync. Times include the start of the process."""

    ids: list[str]
    """The `id` of each record, in order."""
    wall: float
    """Seconds of wall time."""
    cpu: float
    """Seconds of CPU time."""
    memory: float
    """Peak memory in MB."""


def run(module: str, config: dict[str, Any], *, select: Collection[str] = ()) -> Run:
    """Run a sync to its end.

    Args:
        module: The tap's module.
        config: The tap's settings.
        select: Streams to select, for tap_hubspot_threads only; empty means the default streams.
    """
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
    """Return the tap's catalog with only the given streams selected."""
    catalog: dict[str, Any] = TapHubSpotThreads(config=config).catalog_dict
    for stream in catalog["streams"]:
        (root,) = (entry for entry in stream["metadata"] if not entry["breadcrumb"])
        root["metadata"]["selected"] = stream["stream"] in select
    return catalog


def live_ids(threads: int, count: int) -> list[str]:
    """Return the IDs of `count` live threads of a sample account with `threads` threads."""
    account = accounts.Account.sample(threads)
    ids = [str(thread.id) for thread in account.threads.values() if not thread.archived]
    assert len(ids) >= count
    return ids[:count]
