"""Measure how much of HubSpot's rate limit is used, and whether it is ever exceeded."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.processes import emulator, live_ids, run

if TYPE_CHECKING:
    from benchmarks.processes import Account

CASES = {  # requests/seconds: threads
    "19/1": 760,
    "190/10": 1_000,
}


def main() -> None:
    """Print the used share and the number of 429 responses for each limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds per call")
    options = parser.parse_args()
    for limit, count in CASES.items():
        maximum, interval = map(int, limit.split("/"))
        with emulator(threads=2 * count, latency=options.latency, limit=limit) as account:
            ids = live_ids(2 * count, count)
            sync = run("tap_hubspot_threads", {**account.config, "thread_ids": ids})
            assert sync.ids == ids
        share = share_of(account, maximum, interval)
        print(
            f"{maximum} requests per {interval} s: {count} threads in {sync.wall:.1f} s, "
            f"{share:.1%} of the limit used, {account.refused} responses were 429"
        )


def share_of(account: Account, maximum: int, interval: float) -> float:
    """Return the share of a limit that was used, counting complete intervals only."""
    span = account.arrivals[-1] - account.arrivals[0]
    windows = int(span / interval)
    end = account.arrivals[0] + windows * interval
    return sum(arrival < end for arrival in account.arrivals) / (windows * maximum)


if __name__ == "__main__":
    main()
