"""Threads by id: this tap beside one call at a time on the SDK alone."""

from __future__ import annotations

import argparse

from benchmarks.processes import emulator, live_ids, run

TAPS = {
    "tap-hubspot-threads": "tap_hubspot_threads",
    "one call at a time": "benchmarks.one_at_a_time",
}


def main() -> None:
    """Print threads a second and CPU a thread, for both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.by_id", description=__doc__)
    parser.add_argument("--threads", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds a call")
    options = parser.parse_args()
    with emulator(threads=2 * options.threads, latency=options.latency) as account:
        ids = live_ids(2 * options.threads, options.threads)
        print(f"{len(ids)} threads by id, {options.latency * 1000:.0f} ms a call")
        rates = []
        for name, module in TAPS.items():
            nothing = run(module, {**account.config, "thread_ids": ids[:1]})
            done = run(module, {**account.config, "thread_ids": ids})
            assert done.ids == ids
            rates.append(len(ids) / done.wall)
            cpu = (done.cpu - nothing.cpu) / len(ids) * 1000
            print(f"{name:20} {rates[-1]:7.1f} threads/s {cpu:7.2f} ms CPU a thread")
        print(f"{'ratio':20} {rates[0] / rates[1]:7.1f}")
        print("Threads/s include the start of the process, about 0.6 s; CPU does not.")


if __name__ == "__main__":
    main()
