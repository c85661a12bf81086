"""Two syncs on one token, as processes: how much they use together, and who gets what."""

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
"""Requests/seconds, and the seconds by which the second sync starts later."""
FIRST, SECOND = 42, 26
"""Seconds of the whole limit that the work of each takes, the first one's start apart: enough for
the first to be there half a minute after the second has come, and a while longer."""
SETTLING = 30
"""Seconds after which each is to have its part."""
SMALL = 10
"""Requests per 10 s of a job that takes a twentieth of either limit."""


@dataclass
class Job:
    """A sync by id, from some seconds on, and when its rows came, in monotonic seconds."""

    ids: list[str]
    late: float = 0
    settings: dict[str, Any] = field(default_factory=dict)
    rows: list[float] = field(default_factory=list)
    status: int | None = None
    """How the process ended."""

    def run(self, config: dict[str, Any]) -> None:
        """Read the threads."""
        time.sleep(self.late)
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
                        self.rows.append(time.monotonic())
        self.status = process.returncode

    @property
    def outcome(self) -> str:
        """What became of it, as far as it is not good."""
        if self.status == 0 and len(self.rows) == len(self.ids):
            return ""
        return f"; FAILED: exit code {self.status}, {len(self.rows)} of {len(self.ids)} rows"

    def count(self, start: float, end: float) -> int:
        """Return how many rows came in a span."""
        return sum(start <= moment < end for moment in self.rows)


def measure(limit: str, latency: float, late: float) -> str:
    """Run two equal ones on one limit; return what came of it."""
    pace = pace_of(limit)
    count = int(pace * SECOND)
    total = count + int(pace * (late + FIRST))
    ids = live_ids(2 * total, total)
    jobs = Job(ids[count:]), Job(ids[:count], late)
    start, end, refused = run(jobs, limit, latency)
    used = sum(job.count(start, end) for job in jobs) / (end - start) / pace
    settled = end - start - SETTLING
    parts = [job.count(start + SETTLING, end) for job in jobs]
    first = [job.count(start, start + SETTLING) for job in jobs]
    return (
        f"{limit}, the second one {late:.0f} s later: {used:.1%} of the limit used in the "
        f"{end - start:.0f} s of both; {refused}; the slower one got "
        f"{min(first) / sum(first):.0%} in the first {SETTLING} s"
        + (f", {min(parts) / sum(parts):.0%} in the {settled:.0f} s then" if sum(parts) else "")
        + "".join(job.outcome for job in jobs)
    )


def measure_beside_a_small_one(limit: str, latency: float) -> str:
    """Run one beside a job that takes a twentieth; return what came of it."""
    pace = pace_of(limit)
    count = SMALL * (FIRST + 10) // 10
    total = count + int(pace * FIRST)
    ids = live_ids(2 * total, total)
    jobs = Job(ids[count:]), Job(ids[:count], settings={"max_requests_per_10s": SMALL})
    start, end, refused = run(jobs, limit, latency)
    start += 10  # what has gathered in the first window goes out at once
    used = sum(job.count(start, end) for job in jobs) / (end - start) / pace
    return (
        f"{limit}, beside a job that takes {SMALL / 10 / pace:.0%}: {used:.1%} of the limit used "
        f"in {end - start:.0f} s of both; {refused}" + "".join(job.outcome for job in jobs)
    )


def pace_of(limit: str) -> float:
    """Return the requests a second of a limit."""
    maximum, interval = map(int, limit.split("/"))
    return maximum / interval


def run(jobs: tuple[Job, Job], limit: str, latency: float) -> tuple[float, float, str]:
    """Run both; return when the second one began, when one ended, and what was refused."""
    total = 2 * sum(len(job.ids) for job in jobs)
    with emulator(threads=total, latency=latency, limit=limit) as account:
        threads = [threading.Thread(target=job.run, args=(account.config,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    answers = len(account.arrivals)
    refused = f"{account.refused / answers:.1%} of {answers} answers were 429"
    return jobs[1].rows[0], min(job.rows[-1] for job in jobs), refused


def main() -> None:
    """Print for each limit what two equal syncs make of it, and one beside a small job."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared_limit", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds a call")
    options = parser.parse_args()
    for limit, late in LIMITS.items():
        print(measure(limit, options.latency, late), flush=True)
        print(measure_beside_a_small_one(limit, options.latency), flush=True)


if __name__ == "__main__":
    main()
