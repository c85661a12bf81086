"""Measure the cost of each run of one account, loaded by the runner of examples/airflow."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import create_engine, text

from benchmarks.calls import make_account
from benchmarks.processes import MEASURE
from demo.postgres import embedded_postgres
from emulator.limits import RollingLimit
from emulator.server import TOKEN, Emulator

RUNNER = Path(__file__).parent.parent / "examples" / "airflow" / "run_account.py"
QUIET_RUNS = 3


@dataclass
class Loader:
    """Loads an account into its own schema, which has the same name as the account."""

    database: str
    emulator: Emulator
    name: str

    def run(self) -> tuple[int, str]:
        """Run one load. Return its API calls, and its time, CPU and memory as text."""
        calls_before = len(self.emulator.requests)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TAP_HUBSPOT_THREADS_API_URL": self.emulator.url,
            "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": TOKEN,
            "TARGET_POSTGRES_SQLALCHEMY_URL": self.database,
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": self.name,
        }
        measured = subprocess.run(
            [sys.executable, "-c", MEASURE, sys.executable, RUNNER, self.name],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        wall, cpu, memory = map(float, measured.stderr.split())
        figures = f"{wall:6.1f} s {cpu:6.1f} s CPU {memory / 1024:6.0f} MB in the largest process"
        return len(self.emulator.requests) - calls_before, figures

    def state_bytes(self) -> int:
        """Return the size of the saved state in bytes."""
        query = "SELECT octet_length(state::text) FROM singer_states WHERE account = :name"
        engine = create_engine(self.database)
        with engine.begin() as connection:
            size: int = connection.execute(text(query), {"name": self.name}).scalar_one()
        engine.dispose()
        return size


def main() -> None:
    """Print the cost of a first run and of runs without changes.

    HubSpot's status filter works in one account, and is ignored in the other.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--threads", type=int, default=100_000)
    parser.add_argument("--open", type=int, default=1_000)
    options = parser.parse_args()
    print(f"{options.threads:,} threads, {options.open:,} of them open")
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder, "pg")) as url:
        filters: tuple[Literal["works", "ignored"], ...] = ("works", "ignored")
        for status_filter in filters:
            simulated = make_account(options.threads, options.open, 500, 0.15, status_filter)
            account: Any = simulated.account
            limit = RollingLimit(maximum=1_000_000)
            with Emulator(account, limit=limit) as emulator:
                loader = Loader(url, emulator, status_filter)
                for run in ["first", *["quiet"] * QUIET_RUNS]:
                    calls, figures = loader.run()
                    print(f"filter {status_filter:8} {run} run {calls:5} API calls {figures}")
                print(f"filter {status_filter:8} state {loader.state_bytes():,} bytes")


if __name__ == "__main__":
    main()
