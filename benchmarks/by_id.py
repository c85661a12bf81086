"""Threads by id, as whole processes: this tap beside one call at a time on the SDK alone."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def emulator(*options: str) -> Iterator[tuple[str, str]]:
    """Run an emulator of its own process; yield its address and token."""
    command = [sys.executable, "-m", "emulator", "--limit", "1000000", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout
        _, url, _, token = process.stdout.readline().split()
        try:
            yield url, token
        finally:
            process.terminate()


def measure(module: str, config: dict[str, object]) -> tuple[int, float, float]:
    """Run a tap; return its records, its wall time and its CPU time in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "config.json"), Path(folder, "out.jsonl")
        path.write_text(json.dumps(config), encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        with out.open("w") as file:
            subprocess.run(
                [sys.executable, "-m", module, "--config", str(path)],
                stdout=file,
                stderr=subprocess.DEVNULL,
                check=True,
            )
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        records = out.read_text(encoding="utf-8").count('"type":"RECORD"')
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return records, wall, cpu


def main() -> None:
    """Print threads a second for both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.by_id", description=__doc__)
    parser.add_argument("--threads", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds a call")
    options = parser.parse_args()
    size, latency = options.threads, options.latency
    account = str(2 * size)  # some of its threads are archived
    with emulator("--threads", account, "--latency", str(latency)) as (url, token):
        config: dict[str, object] = {"api_url": url, "access_token": token}
        ids = list_ids(config)[:size]
        config["thread_ids"] = ids
        print(f"{len(ids)} threads by id, {latency * 1000:.0f} ms a call, process start included")
        rates = []
        for name, module in (
            ("tap-hubspot-threads", "tap_hubspot_threads"),
            ("one call at a time", "benchmarks.one_at_a_time"),
        ):
            records, wall, cpu = measure(module, config)
            assert records == len(ids), (records, len(ids))
            rates.append(records / wall)
            print(f"{name:20} {rates[-1]:7.1f} threads/s {cpu / records * 1000:7.2f} ms CPU each")
        print(f"{'ratio':20} {rates[0] / rates[1]:7.1f}")


def list_ids(config: dict[str, object]) -> list[str]:
    """Return the ids of the account's live threads, by the tap itself."""
    command = [sys.executable, "-m", "tap_hubspot_threads", "--config=/dev/stdin"]
    text = json.dumps({**config, "include_archived": False})
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=True)
    messages = map(json.loads, done.stdout.splitlines())
    return [message["record"]["id"] for message in messages if message["type"] == "RECORD"]


if __name__ == "__main__":
    main()
