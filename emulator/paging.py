"""Pages of whatever is listed, and the cursors between them, as this HubSpot has them."""

from __future__ import annotations

import bisect
import json
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.answers import Answer
from emulator.cursors import Cursor

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.account import Account
    from emulator.cursors import Position
    from emulator.selection import Query

DEFAULT_LIMIT = 100
Item = TypeVar("Item")


def read_after(account: Account, query: Query) -> Cursor | Answer | None:
    """Read the cursor of a query; None if it has none, and a refusal if it cannot be read."""
    if "after" not in query:
        return None
    after = Cursor.read(query["after"][0], account.ways, account.now())
    return after or Answer.error(400, "VALIDATION_ERROR", "UNPARSEABLE_TOKEN")


def cut(
    account: Account,
    query: Query,
    items: list[Item],
    order: Callable[[Item], tuple[float, ...]],
    after: Cursor | None,
) -> tuple[list[Item], str | None]:
    """Return a page of items, which are in ascending order of their key, and the next cursor."""
    ways = account.ways
    is_empty = bool(after and after.is_empty)
    start = _find_start(items, order, after.position if after else 0)
    size = 0 if is_empty else min(limit_of(query), ways.cap)
    if ways.repeats_rows and start and size > 1:
        start -= 1
    end = start + size
    cursor = None
    if end < len(items):
        position: Position = end
        if ways.cursors == "key":
            position = list(order(items[end - 1])) if end else []
        is_next_empty = {"never": False, "once": after is None, "often": not is_empty}
        following = Cursor(position, is_next_empty[ways.empty_pages])
        cursor = following.write(ways, account.now())
    return items[start:end], cursor


def paging_text(cursor: str | None) -> str:
    """Return what a page in JSON ends with, if another comes after it; the link leads nowhere."""
    if cursor is None:
        return ""
    link = f"https://api.hubapi.com/wrong/path?after={cursor}"
    return f', "paging": {json.dumps({"next": {"after": cursor, "link": link}})}'


def limit_of(query: Query) -> int:
    """Return what is asked for; 0 if that is no number."""
    limit = query["limit"][0] if "limit" in query else str(DEFAULT_LIMIT)
    return int(limit) if limit.isdigit() else 0


def limit_problem(query: Query, most: int) -> dict[str, bool]:
    """Return what is said of a limit that is not within what HubSpot allows, and if it is so."""
    return {f"limit must be a number from 1 to {most}": not 1 <= limit_of(query) <= most}


def refusal_of(problems: dict[str, Any]) -> Answer | None:
    """Return the refusal for the first of the problems that there is."""
    found = next((message for message, is_due in problems.items() if is_due), None)
    return Answer.error(400, "VALIDATION_ERROR", found) if found else None


def _find_start(
    items: list[Item], order: Callable[[Item], tuple[float, ...]], after: Position
) -> int:
    """Return where the page begins: behind so many items, or behind a key."""
    if isinstance(after, int):
        return after
    return bisect.bisect_right(items, tuple(after), key=order)
