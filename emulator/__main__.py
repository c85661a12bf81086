"""`python -m emulator --port 0`: an account in one line."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys

from emulator.behavior import Behavior
from emulator.data.account import Account
from emulator.faults import Fault
from emulator.limits import RollingLimit
from emulator.server import TOKEN, Emulator


def main() -> None:
    """Serve a sample account until interrupted; the first line on stdout is its address."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one (default)")
    parser.add_argument("--portal-id", type=int, help="the account's number")
    parser.add_argument("--threads", type=int, default=60, help="size of the account")
    parser.add_argument("--messages", type=int, default=0, help="so many more in each thread")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another account")
    parser.add_argument("--latency", type=float, default=0, help="seconds for each answer")
    parser.add_argument("--limit", type=int, default=190, help="requests in an interval")
    parser.add_argument("--interval", type=float, default=10, help="of the limit, in seconds")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=lambda text: Fault(**json.loads(text)),
        metavar="JSON",
        help='such as {"status": 503, "times": 2, "path": "/threads/"}; see emulator/faults.py',
    )
    parser.add_argument(
        "--behavior",
        default=Behavior(),
        type=_behavior,
        metavar="JSON",
        help='such as {"cap": 3, "status_filter": "works", "lag_by_id": 60}; see behavior.py',
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="print in JSON at the end when it was asked, and how often beyond the limit",
    )
    options = parser.parse_args()
    account = Account.sample(options.threads, seed=options.seed)
    if options.messages:
        for thread in account.threads.values():
            account.conversations.fill(thread, options.messages)
    account.behavior = options.behavior
    account.portal_id = options.portal_id or account.portal_id
    emulator = Emulator(
        account,
        port=options.port,
        latency=options.latency,
        limit=RollingLimit(options.limit, options.interval),
        faults=options.fault,
    )
    sys.stdout.write(f"api_url {emulator.url} access_token {TOKEN}\n")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        emulator.serve_forever()
    if options.report:
        asked = {"arrivals": emulator.arrivals, "refused": emulator.limit.refused}
        sys.stdout.write(json.dumps(asked) + "\n")


def _behavior(text: str) -> Behavior:
    """Read a behavior. The error says what is wrong with it, which argparse would not do."""
    try:
        return Behavior.of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    main()
