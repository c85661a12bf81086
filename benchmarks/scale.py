"""One account of many, loaded by the runner of examples/airflow: what each run of it costs."""

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

from benchmarks.calls import make
from benchmarks.processes import MEASURE
from demo.postgres import embedded_postgres
from emulator.limits import RollingLimit
from emulator.server import TOKEN, Emulator

RUNNER = Path(__file__).parent.parent / "examples" / "airflow" / "run_account.py"
QUIET_RUNS = 3


@dataclass
class Loader:
    """Loads an account into a schema of its own."""

    database: str
    emulator: Emulator
    name: str

    def run(self) -> tuple[int, str]:
        """Load it once; return the calls, and seconds, CPU and memory in words."""
        asked = len(self.emulator.requests)
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
        words = f"{wall:6.1f} s {cpu:6.1f} s CPU {memory / 1024:6.0f} MB in the largest process"
        return len(self.emulator.requests) - asked, words

    def state_bytes(self) -> int:
        """Return how large the state is that was saved."""
        query = "SELECT octet_length(state::text) FROM singer_states WHERE account = :name"
        engine = create_engine(self.database)
        with engine.begin() as connection:
            size: int = connection.execute(text(query), {"name": self.name}).scalar_one()
        engine.dispose()
        return size


def main() -> None:
    """Print what a first load costs, then quiet ones, where HubSpot's filter works and not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--threads", type=int, default=100_000)
    parser.add_argument("--open", type=int, default=1_000)
    options = parser.parse_args()
    print(f"{options.threads:,} threads, {options.open:,} of them open")
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder, "pg")) as url:
        ways: tuple[Literal["works", "ignored"], ...] = ("works", "ignored")
        for way in ways:
            account: Any = make(options.threads, options.open, 500, 0.15, way).account
            limit = RollingLimit(maximum=1_000_000)
            with Emulator(account, limit=limit) as emulator:
                loader = Loader(url, emulator, way)
                for run in ["first", *["quiet"] * QUIET_RUNS]:
                    calls, words = loader.run()
                    print(f"the filter {way:8} {run} load {calls:5} calls {words}")
                print(f"the filter {way:8} state {loader.state_bytes():,} bytes")


if __name__ == "__main__":
    main()
