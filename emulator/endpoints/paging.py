"""Pages of whatever is listed, and the cursors between them, as this HubSpot has them."""

from __future__ import annotations

import bisect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from emulator.endpoints.answers import Answer
from emulator.endpoints.cursors import Cursor, as_in_page, is_id_accepted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from emulator.behavior import Behavior
    from emulator.data.account import Account
    from emulator.endpoints.cursors import Form, Position
    from emulator.endpoints.selection import Query

DEFAULT_LIMIT = 100
Item = TypeVar("Item")


@dataclass(frozen=True)
class Paging:
    """One request for a page of a listing: of threads by ID, by latest message, or another."""

    account: Account
    query: Query
    listing: Literal["by id", "by time", "other"] = "other"

    def after(self) -> Cursor | Answer | None:
        """Read the query's cursor; None if it has none, and a refusal if it is not accepted."""
        if "after" not in self.query:
            return None
        behavior, now, text = self.account.behavior, self.account.now(), self.query["after"][0]
        after = Cursor.read(text, behavior, now)
        if after and after.is_empty is None and not self._is_good(text, now):
            after = None
        return after or Answer.error(400, "VALIDATION_ERROR", "UNPARSEABLE_TOKEN")

    def cut(
        self, items: list[Item], order: Callable[[Item], tuple[float, ...]], after: Cursor | None
    ) -> tuple[list[Item], str | None]:
        """Return a page of items, which are in ascending order of their key, and the next cursor.

        An empty page stands between two others. With IDs for cursors, it comes where the ID is that
        of the row before, and its own cursor is an ID short of the next row.
        """
        behavior = self.account.behavior
        start = _find_start(items, order, after.position if after else 0)
        size = min(limit_of(self.query), behavior.cap)
        is_empty = bool(after and after.is_empty)
        if after and after.is_empty is None and behavior.empty_pages != "never":
            keys = [order(item) for item in items[max(0, start - 1) : start + 1]]
            has_gap = (
                len(keys) == 2 and after.position == [*keys[0]] and keys[1][0] > keys[0][0] + 1
            )
            is_empty = has_gap and (behavior.empty_pages == "often" or start == size)
        if is_empty:
            size = 0
        if behavior.repeats_rows and start and size > 1:
            start -= 1
        end = start + size
        if end >= len(items):
            return items[start:end], None
        form = self._form
        position: Position = end
        if form == "id" and is_empty:
            position = [order(items[end])[0] - 1]
        elif form == "key" and is_empty and after:
            position = after.position
        elif form != "offset":
            position = list(order(items[end - 1])) if end else []
        is_next_empty = {"never": False, "once": after is None, "often": not is_empty}
        now = self.account.now()
        cursor = Cursor(position, is_next_empty[behavior.empty_pages]).write(form, behavior, now)
        self.account.given_cursors[cursor] = now
        return items[start:end], as_in_page(cursor, behavior)

    @property
    def _form(self) -> Form:
        behavior = self.account.behavior
        if self.listing == "by id":
            return behavior.cursors
        if self.listing == "by time":
            return behavior.cursors_by_time
        return "offset" if behavior.cursors == "offset" else "key"

    def _is_good(self, text: str, now: datetime) -> bool:
        given_at = self.account.given_cursors.get(text)
        is_accepted = is_id_accepted(given_at, self._form, self.account.behavior, now)
        return self.listing == "by id" and is_accepted


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


def failure_of(query: Query, behavior: Behavior) -> Answer | None:
    """Return how a page fails that is larger than this HubSpot manages."""
    if behavior.fails_above is None or limit_of(query) <= behavior.fails_above:
        return None
    if behavior.fails_with == 500:
        return Answer.error(500, "INTERNAL_ERROR", "internal error")
    page = f"<html><body><h1>{behavior.fails_with}</h1></body></html>"
    return Answer.of(behavior.fails_with, page, is_bare=True)


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
