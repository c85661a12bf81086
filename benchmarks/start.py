"""How long the command takes to start, beside a tap of the SDK's that does nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

RUNS = 7
BARE = """
from singer_sdk import Tap
class BareTap(Tap):
    name = "tap-bare"
    config_jsonschema = {"properties": {}}
BareTap.cli()
"""


def main() -> None:
    """Time `--help` of both, one after the other, several times."""
    programs = (["-m", "tap_hubspot_threads"], ["-c", BARE])
    seconds: tuple[list[float], list[float]] = ([], [])
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for run in range(RUNS + 1):
        for program, found in zip(programs, seconds, strict=True):
            started = time.perf_counter()
            command = [sys.executable, *program, "--help"]
            subprocess.run(command, env=clean, check=True, stdout=subprocess.DEVNULL)
            if run:  # the first one compiles
                found.append(time.perf_counter() - started)
    ours, bare = map(statistics.median, seconds)
    print(f"--help: {ours:.2f} s, median of {RUNS}")
    print(f"the SDK's own, of a tap without settings: {bare:.2f} s")
    print(f"ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()
