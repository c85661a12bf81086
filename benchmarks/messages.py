"""The messages of threads: calls a second, use of the limit, CPU and memory."""

from __future__ import annotations

import argparse

from benchmarks.limits import share_of
from benchmarks.processes import emulator, live_ids, run

TAP = "tap_hubspot_threads"
LIMITED = 400
"""Threads that are read within the limit."""
MANY, LARGE = 64, 10_000
"""Threads side by side, and messages in each."""
MORE = 40
"""Further messages in each thread, to know what one costs beside the call."""


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages", description=__doc__)
    parser.add_argument("--threads", type=int, default=2_000)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds a call")
    options = parser.parse_args()
    ids = live_ids(2 * options.threads, options.threads)
    with emulator(threads=2 * options.threads, latency=options.latency) as account:
        done = run(TAP, {**account.config, "thread_ids": ids}, select=["messages"])
    rate = len(account.arrivals) / (account.arrivals[-1] - account.arrivals[0])
    print(f"{len(ids)} threads, {options.latency * 1000:.0f} ms a call: {len(done.ids)} messages")
    print(f"no limit: {rate:.1f} calls/s")
    with emulator(threads=2 * options.threads, latency=options.latency, limit="19/1") as account:
        run(TAP, {**account.config, "thread_ids": ids[:LIMITED]}, select=["messages"])
    print(f"19 calls a second: {share_of(account, 19, 1):.1%} used, {account.refused} were 429")
    _print_cpu(ids)
    _print_memory()


def _print_cpu(ids: list[str]) -> None:
    """Print the CPU of a further message, beside that of a constant one of the SDK's own loop."""
    runs = []
    for more in (0, MORE):
        with emulator(threads=2 * len(ids), latency=0, messages=more) as account:
            runs.append(run(TAP, {**account.config, "thread_ids": ids}, select=["messages"]))
    few, many = runs
    count = len(many.ids) - len(few.ids)
    none = run("benchmarks.constant", {"count": 1, "stream": "messages"})
    constant = run("benchmarks.constant", {"count": count, "stream": "messages"})
    ours, theirs = many.cpu - few.cpu, constant.cpu - none.cpu
    calls = len(ids)
    print(f"{calls} threads of {len(many.ids) / calls:.0f} messages: {many.cpu:.1f} s CPU in all")
    print(f"a further message: {ours / count * 1e6:.0f} us CPU")
    print(f"the SDK, a constant one: {theirs / count * 1e6:.0f} us; ratio {ours / theirs:.2f}")


def _print_memory() -> None:
    """Print what large threads take, beside threads alone."""
    with emulator(threads=2 * MANY, latency=0, messages=LARGE) as account:
        ids = live_ids(2 * MANY, MANY)
        config = {**account.config, "thread_ids": ids, "max_concurrency": MANY}
        threads = run(TAP, config, select=["threads"])
        messages = run(TAP, config, select=["threads", "messages"])
    more = messages.memory - threads.memory
    print(
        f"{MANY} threads of {LARGE:,} messages side by side: {more:.1f} MB more than threads alone"
    )


if __name__ == "__main__":
    main()
