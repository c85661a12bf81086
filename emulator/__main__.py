"""`python -m emulator` serves a sample account from the command line."""

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
    """Serve a sample account until interrupted. The first line of output has its URL and token."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 picks a free one")
    parser.add_argument("--portal-id", type=int, help="account ID (portalId)")
    parser.add_argument("--threads", type=int, default=60, help="number of threads")
    parser.add_argument("--messages", type=int, default=0, help="extra messages per thread")
    parser.add_argument("--seed", type=int, default=7, help="seed of the random sample data")
    parser.add_argument("--latency", type=float, default=0, help="seconds per response")
    parser.add_argument("--limit", type=int, default=190, help="requests allowed per interval")
    parser.add_argument("--interval", type=float, default=10, help="interval in seconds")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=lambda text: Fault(**json.loads(text)),
        metavar="JSON",
        help='a fault, such as {"status": 503, "times": 2, "path": "/threads/"}; may be repeated; '
        "see emulator/faults.py",
    )
    parser.add_argument(
        "--behavior",
        default=Behavior(),
        type=_behavior,
        metavar="JSON",
        help='traits, such as {"cap": 3, "status_filter": "works", "lag_by_id": 60}; '
        "see emulator/behavior.py",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="print a JSON object at the end: the request times and the number of 429 responses",
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
        report = {"arrivals": emulator.arrivals, "refused": emulator.limit.refused}
        sys.stdout.write(json.dumps(report) + "\n")


def _behavior(text: str) -> Behavior:
    """Parse a behavior. Replace a ValueError, because argparse discards its message."""
    try:
        return Behavior.from_json(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    main()
