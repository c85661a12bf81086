"""Measure the messages stream: calls per second, use of the rate limit, CPU and memory."""

from __future__ import annotations

import argparse

from benchmarks.limits import share_of
from benchmarks.processes import emulator, live_ids, run

TAP = "tap_hubspot_threads"
LIMITED = 400
"""Number of threads to read under the rate limit."""
LARGE_THREADS, LARGE_SIZE = 64, 10_000
"""Number of large threads to read concurrently, and the messages in each."""
EXTRA = 40
"""Extra messages per thread, to measure the cost of a message without the call."""


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages", description=__doc__)
    parser.add_argument("--threads", type=int, default=2_000)
    parser.add_argument("--latency", type=float, default=0.15, help="seconds per call")
    options = parser.parse_args()
    ids = live_ids(2 * options.threads, options.threads)
    with emulator(threads=2 * options.threads, latency=options.latency) as account:
        sync = run(TAP, {**account.config, "thread_ids": ids}, select=["messages"])
    rate = len(account.arrivals) / (account.arrivals[-1] - account.arrivals[0])
    latency = f"{options.latency * 1000:.0f} ms per call"
    print(f"{len(ids)} threads, {latency}: {len(sync.ids)} messages")
    print(f"no rate limit: {rate:.1f} calls/s")
    with emulator(threads=2 * options.threads, latency=options.latency, limit="19/1") as account:
        run(TAP, {**account.config, "thread_ids": ids[:LIMITED]}, select=["messages"])
    share = share_of(account, 19, 1)
    print(f"19 calls per second: {share:.1%} used, {account.refused} responses were 429")
    _print_cpu(ids)
    _print_memory()


def _print_cpu(ids: list[str]) -> None:
    """Print the CPU of an additional message, and of a constant record from the SDK's loop."""
    runs = []
    for extra in (0, EXTRA):
        with emulator(threads=2 * len(ids), latency=0, messages=extra) as account:
            runs.append(run(TAP, {**account.config, "thread_ids": ids}, select=["messages"]))
    few, many = runs
    count = len(many.ids) - len(few.ids)
    startup = run("benchmarks.constant", {"count": 1, "stream": "messages"})
    constant = run("benchmarks.constant", {"count": count, "stream": "messages"})
    tap_cpu, sdk_cpu = many.cpu - few.cpu, constant.cpu - startup.cpu
    threads = len(ids)
    average = len(many.ids) / threads
    print(f"{threads} threads of {average:.0f} messages: {many.cpu:.1f} s CPU in total")
    print(f"an additional message: {tap_cpu / count * 1e6:.0f} us CPU")
    print(f"a constant SDK record: {sdk_cpu / count * 1e6:.0f} us, ratio {tap_cpu / sdk_cpu:.2f}")


def _print_memory() -> None:
    """Print the memory of large threads with messages, compared with threads only."""
    with emulator(threads=2 * LARGE_THREADS, latency=0, messages=LARGE_SIZE) as account:
        ids = live_ids(2 * LARGE_THREADS, LARGE_THREADS)
        config = {**account.config, "thread_ids": ids, "max_concurrency": LARGE_THREADS}
        threads = run(TAP, config, select=["threads"])
        messages = run(TAP, config, select=["threads", "messages"])
    growth = messages.memory - threads.memory
    print(
        f"{LARGE_THREADS} concurrent threads of {LARGE_SIZE:,} messages: "
        f"{growth:.1f} MB more than threads alone"
    )


if __name__ == "__main__":
    main()
