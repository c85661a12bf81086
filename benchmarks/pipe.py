"""Compare a run of the tap into target-postgres with the slower of the two alone."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import emulator
from demo.postgres import embedded_postgres


def main() -> None:
    """Print the seconds of the tap, the target and both together, and the ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipe", description=__doc__)
    parser.add_argument("--threads", type=int, default=30_000)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds per call")
    options = parser.parse_args()
    target = [str(Path(sys.executable).with_name("target-postgres")), "--config"]
    tap = [sys.executable, "-m", "tap_hubspot_threads", "--config"]
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        embedded_postgres(Path(folder, "pg")) as uri,
        emulator(threads=options.threads, latency=options.latency) as account,
    ):
        config, out = Path(folder, "config.json"), Path(folder, "out.jsonl")
        config.write_text(json.dumps(account.config), encoding="utf-8")
        seconds = {}
        for name in ("tap", "target", "both"):
            settings = {
                "sqlalchemy_url": str(uri).replace("postgresql://", "postgresql+psycopg://"),
                "default_target_schema": f"bench_{name}",
            }
            load = Path(folder, f"{name}.json")
            load.write_text(json.dumps(settings), encoding="utf-8")
            quiet: Any = {"stderr": subprocess.DEVNULL}
            started = time.perf_counter()
            if name == "tap":
                with out.open("w") as file:
                    subprocess.run([*tap, str(config)], stdout=file, check=True, **quiet)
            elif name == "target":
                with out.open() as file:
                    _load([*target, str(load)], file)
            else:
                command = [*tap, str(config)]
                with subprocess.Popen(command, stdout=subprocess.PIPE, **quiet) as reader:
                    _load([*target, str(load)], reader.stdout)
            seconds[name] = time.perf_counter() - started
    slower = max(seconds["tap"], seconds["target"])
    print(f"{options.threads:,} threads, {options.latency * 1000:.0f} ms per call")
    print(f"the tap alone     {seconds['tap']:6.1f} s")
    print(f"the target alone  {seconds['target']:6.1f} s")
    ratio = seconds["both"] / slower
    print(f"both              {seconds['both']:6.1f} s, {ratio:.2f} times the slower one")


def _load(command: list[str], source: Any) -> None:
    null = subprocess.DEVNULL
    subprocess.run(command, stdin=source, stdout=null, stderr=null, check=True)


if __name__ == "__main__":
    main()
