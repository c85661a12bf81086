"""Measure API calls, CPU and memory of a large first sync, and compare with the SDK's own cost."""

from __future__ import annotations

import argparse

from benchmarks.processes import emulator, run

SMALL = 5_000


def main() -> None:
    """Print the cost of a first sync, and of the SDK for the same number of constant records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.listing", description=__doc__)
    parser.add_argument("--threads", type=int, default=100_000)
    options = parser.parse_args()
    with emulator(threads=SMALL, latency=0) as account:
        small = run("tap_hubspot_threads", account.config)
    with emulator(threads=options.threads, latency=0) as account:
        large = run("tap_hubspot_threads", account.config)
    assert len(set(large.ids)) == len(large.ids) == options.threads
    constant = run("benchmarks.constant", {"count": options.threads})
    print(f"first sync of {options.threads:,} threads: {len(account.arrivals)} API calls")
    print(f"{'tap-hubspot-threads':30} {large.cpu:6.1f} s CPU {large.memory:7.1f} MB")
    print(f"{'the SDK, constant records':30} {constant.cpu:6.1f} s CPU {constant.memory:7.1f} MB")
    print(f"{'ratio':30} {large.cpu / constant.cpu:6.2f}")
    growth = large.memory - small.memory
    print(f"{growth:.1f} MB more than for {SMALL:,} threads")


if __name__ == "__main__":
    main()
