"""Compare the command's start time with that of an empty SDK tap."""

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
    """Time `--help` of both taps in turn, several times, and print the medians."""
    programs = (["-m", "tap_hubspot_threads"], ["-c", BARE])
    seconds: tuple[list[float], list[float]] = ([], [])
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for run in range(RUNS + 1):
        for program, times in zip(programs, seconds, strict=True):
            started = time.perf_counter()
            command = [sys.executable, *program, "--help"]
            subprocess.run(command, env=clean, check=True, stdout=subprocess.DEVNULL)
            if run:  # the first run compiles bytecode
                times.append(time.perf_counter() - started)
    tap, bare = map(statistics.median, seconds)
    print(f"--help: {tap:.2f} s, median of {RUNS} runs")
    print(f"--help of an SDK tap without settings: {bare:.2f} s")
    print(f"ratio {tap / bare:.2f}")


if __name__ == "__main__":
    main()
