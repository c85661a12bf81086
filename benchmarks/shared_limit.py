"""Measure two concurrent syncs with one token: how they use and share its rate limit."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.processes import emulator, live_ids

LIMITS = {"190/10": 20.0, "19/1": 0.0}
"""Limits as requests/seconds, with the seconds by which the second sync starts later."""
FIRST, SECOND = 42, 26
"""Work of each sync after the second one starts, in seconds at the full limit.

It is enough for both to run together for well over half a minute."""
SETTLING = 30
"""Seconds after which each sync should have its fair share."""
SMALL = 10
"""Requests per 10 s of a small job, which uses 5% of either limit."""


@dataclass
class Job:
    """A sync of configured thread IDs."""

    ids: list[str]
    delay: float = 0
    """Seconds before the sync starts."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Additional settings of the tap."""
    emitted_at: list[float] = field(default_factory=list)
    """When each record was emitted, in monotonic seconds."""
    status: int | None = None
    """Exit code of the process, once it has ended."""

    def run(self, config: dict[str, Any]) -> None:
        """Run the sync to its end."""
        time.sleep(self.delay)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "config.json")
            settings = {**config, **self.settings, "thread_ids": self.ids}
            path.write_text(json.dumps(settings), encoding="utf-8")
            command = [sys.executable, "-m", "tap_hubspot_threads", "--config", str(path)]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
            ) as process:
                assert process.stdout
                for line in process.stdout:
                    if json.loads(line)["type"] == "RECORD":
                        self.emitted_at.append(time.monotonic())
        self.status = process.returncode

    @property
    def outcome(self) -> str:
        """A description of the failure, or nothing after success."""
        emitted = len(self.emitted_at)
        if self.status == 0 and emitted == len(self.ids):
            return ""
        return f"; FAILED: exit code {self.status}, {emitted} of {len(self.ids)} records"

    def count(self, start: float, end: float) -> int:
        """Return the number of records that were emitted in a period."""
        return sum(start <= moment < end for moment in self.emitted_at)


def measure(limit: str, latency: float, delay: float) -> str:
    """Run two equal syncs with one limit, and return the result as text."""
    rate = rate_of(limit)
    count = int(rate * SECOND)
    total = count + int(rate * (delay + FIRST))
    ids = live_ids(2 * total, total)
    jobs = Job(ids[count:]), Job(ids[:count], delay)
    start, end, refused = run(jobs, limit, latency)
    used = sum(job.count(start, end) for job in jobs) / (end - start) / rate
    settled_seconds = end - start - SETTLING
    settled = [job.count(start + SETTLING, end) for job in jobs]
    settling = [job.count(start, start + SETTLING) for job in jobs]
    later = (
        f", {min(settled) / sum(settled):.0%} in the following {settled_seconds:.0f} s"
        if sum(settled)
        else ""
    )
    return (
        f"{limit}, second sync starts {delay:.0f} s later: {used:.1%} of the limit used in the "
        f"{end - start:.0f} s with both; {refused}; the slower one got "
        f"{min(settling) / sum(settling):.0%} in the first {SETTLING} s"
        + later
        + "".join(job.outcome for job in jobs)
    )


def measure_with_small_job(limit: str, latency: float) -> str:
    """Run a sync together with a small job, and return the result as text."""
    rate = rate_of(limit)
    count = SMALL * (FIRST + 10) // 10
    total = count + int(rate * FIRST)
    ids = live_ids(2 * total, total)
    jobs = Job(ids[count:]), Job(ids[:count], settings={"max_requests_per_10s": SMALL})
    start, end, refused = run(jobs, limit, latency)
    start += 10  # skip the burst of the first window
    used = sum(job.count(start, end) for job in jobs) / (end - start) / rate
    return (
        f"{limit}, with a job that uses {SMALL / 10 / rate:.0%}: {used:.1%} of the limit used "
        f"in the {end - start:.0f} s with both; {refused}" + "".join(job.outcome for job in jobs)
    )


def rate_of(limit: str) -> float:
    """Return the requests per second of a limit."""
    maximum, interval = map(int, limit.split("/"))
    return maximum / interval


def run(jobs: tuple[Job, Job], limit: str, latency: float) -> tuple[float, float, str]:
    """Run both jobs.

    Returns:
        The first record of the second job, the last record of the job that ended first (both in
        monotonic seconds), and the share of 429 responses as text.
    """
    total = 2 * sum(len(job.ids) for job in jobs)
    with emulator(threads=total, latency=latency, limit=limit) as account:
        threads = [threading.Thread(target=job.run, args=(account.config,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    responses = len(account.arrivals)
    refused = f"{account.refused / responses:.1%} of {responses} responses were 429"
    return jobs[1].emitted_at[0], min(job.emitted_at[-1] for job in jobs), refused


def main() -> None:
    """Print the results of two equal syncs, and of a sync with a small job, for each limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared_limit", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds per call")
    options = parser.parse_args()
    for limit, delay in LIMITS.items():
        print(measure(limit, options.latency, delay), flush=True)
        print(measure_with_small_job(limit, options.latency), flush=True)


if __name__ == "__main__":
    main()
