"""Compare reading threads by ID with a plain SDK tap that makes one call at a time."""

from __future__ import annotations

import argparse

from benchmarks.processes import emulator, live_ids, run

TAPS = {
    "tap-hubspot-threads": "tap_hubspot_threads",
    "one call at a time": "benchmarks.one_at_a_time",
}


def main() -> None:
    """Print threads per second and CPU per thread of both taps."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.by_id", description=__doc__)
    parser.add_argument("--threads", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds per call")
    options = parser.parse_args()
    with emulator(threads=2 * options.threads, latency=options.latency) as account:
        ids = live_ids(2 * options.threads, options.threads)
        print(f"{len(ids)} threads by ID, {options.latency * 1000:.0f} ms per call")
        rates = []
        for name, module in TAPS.items():
            startup = run(module, {**account.config, "thread_ids": ids[:1]})
            sync = run(module, {**account.config, "thread_ids": ids})
            assert sync.ids == ids
            rates.append(len(ids) / sync.wall)
            cpu = (sync.cpu - startup.cpu) / len(ids) * 1000
            print(f"{name:20} {rates[-1]:7.1f} threads/s {cpu:7.2f} ms CPU per thread")
        print(f"{'ratio':20} {rates[0] / rates[1]:7.1f}")
        print("Threads/s include the start of the process (about 0.6 s). CPU does not.")


if __name__ == "__main__":
    main()
