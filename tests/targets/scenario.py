"""A scenario of changes in an account between syncs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.data.phrases import HOSTILE, LARGE
from emulator.data.sample import AGENTS
from emulator.data.thread import SALES
from tests.conftest import NOON
from tests.targets.expected import Tables, add_account, empty_tables, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.data.account import Account
    from emulator.data.thread import Thread
    from tests.conftest import Lab

LATE = "2026-11-21T12:59:59.999Z"


def three_syncs(lab: Lab) -> Iterator[Tables]:
    """Yield the expected tables after each of three syncs. Each step changes the account first.

    The changes are messages, edits, comments, events of every type, archiving, deletion and changes
    of the reference lists. `thread_index` is expected only after a full listing, which the second
    sync does not run.
    """
    account, expected, now = lab.account, empty_tables(), NOON
    account.clock = lambda: now
    chosen = _choose(account)
    add_account(expected, account)
    yield expected
    now += timedelta(hours=1)
    _change(account, chosen)
    account.delete(chosen["deleted"])
    add_account(expected, account)
    yield {stream: rows for stream, rows in expected.items() if stream != "thread_index"}
    now += timedelta(hours=25)
    _change_again(account, chosen)
    add_account(expected, account)
    row = {"id": str(chosen["deleted"].id), "detectedAt": f"{now:%Y-%m-%dT%H:%M:%S}.000Z"}
    expected["deleted_threads"][row["id"]] = row_of("deleted_threads", row)
    yield expected


def _choose(account: Account) -> dict[str, Thread]:
    """Choose one open thread per change, and a closed thread to reopen."""
    is_regular: Callable[[Thread], bool] = lambda one: bool(  # noqa: E731
        one.received_at and not one.archived and not one.spam
    )
    threads = [one for one in account.threads.values() if is_regular(one)]
    open_threads = iter([one for one in threads if not one.closed_at and one.inbox_id != SALES])
    changes = ("written to", "closed", "assigned", "moved", "archived", "deleted")
    chosen = {change: next(open_threads) for change in changes}
    return chosen | {"reopened": next(one for one in threads if one.closed_at)}


def _change(account: Account, chosen: dict[str, Thread]) -> None:
    """Change messages and columns in every way that is possible."""
    account.message(account.create(), sent=False, text=HOSTILE[0])
    account.edit(account.messages(chosen["written to"])[0], HOSTILE[1])
    account.message(chosen["written to"], sent=True, text="", richText="<p></p>")
    account.comment(chosen["closed"], HOSTILE[4])
    account.close(chosen["closed"])
    agent = chosen["assigned"].assigned_to
    account.assign(chosen["assigned"], next(one for one in AGENTS if one != agent))
    account.move(chosen["moved"], SALES)
    chosen["archived"].archived = True
    account.lists["inboxes"][1] = account.lists["inboxes"][1] | {"name": HOSTILE[2]}
    account.lists["channels"].append({"id": "1099", "name": "CARRIER_PIGEON", "speed": 0.5})
    mailbox = account.lists["channel-accounts"][0]
    address = mailbox["deliveryIdentifier"] | {"verified": {"by": ["DNS"]}}
    account.lists["channel-accounts"][0] = mailbox | {"deliveryIdentifier": address}


def _change_again(account: Account, chosen: dict[str, Thread]) -> None:
    """Undo some changes, and change the same threads again."""
    account.archive_message(account.messages(chosen["written to"])[0])
    account.message(chosen["written to"], sent=False, text=LARGE + HOSTILE[3])
    account.reopen(chosen["closed"])
    account.reopen(chosen["reopened"])
    account.message(chosen["reopened"], sent=False)
    account.assign(chosen["assigned"], None)
    chosen["archived"].archived = False
    gone = {"archived": True, "archivedAt": LATE}
    account.lists["inboxes"][2] = account.lists["inboxes"][2] | gone
    account.lists["channel-accounts"][0] = account.lists["channel-accounts"][0] | gone
