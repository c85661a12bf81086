"""Measure the first sync of accounts whose pages are slow, or whose rate limit is low.

The time of a reader of one page after another is that of its pages.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.limits import share_of
from benchmarks.processes import emulator, run


class Case(NamedTuple):
    """An account: its size, its pages, and its rate limit."""

    threads: int
    page: int
    seconds: float
    limit: str = ""
    """Calls/seconds; empty: none."""


NO_LIMIT = "1000000/10"
CASES = (
    Case(40_000, 500, 2),
    Case(48_000, 100, 3),
    Case(30_000, 500, 0.15),
    Case(48_000, 100, 0.15, "100/10"),
)


def main() -> None:
    """Print the time and the API calls of each first sync."""
    for case in CASES:
        limit = case.limit or NO_LIMIT
        with emulator(
            threads=case.threads, latency=case.seconds, limit=limit, cap=case.page
        ) as account:
            sync = run("tap_hubspot_threads", account.config)
        assert len({*sync.ids}) == len(sync.ids) == case.threads
        serial = -(-case.threads // case.page) * case.seconds
        print(
            f"{case.threads:,} threads, {case.seconds:g} s per page of {case.page}: "
            f"{sync.wall:.1f} s in {len(account.arrivals)} API calls, "
            f"{serial / sync.wall:.1f} times as fast as one page after another ({serial:.0f} s)"
        )
        if case.limit:
            maximum, interval = map(int, limit.split("/"))
            share = share_of(account, maximum, interval)
            print(
                f"  limit {case.limit} s: {share:.1%} of it used, {account.refused} responses "
                "were 429"
            )


if __name__ == "__main__":
    main()
