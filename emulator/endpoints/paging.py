"""Cuts a list into pages, with cursors between them."""

from __future__ import annotations

import bisect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from emulator.endpoints.cursors import Cursor, as_in_page, is_id_accepted
from emulator.endpoints.responses import ApiResponse

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
    """A request for a page of threads by ID, threads by latest message, or another list."""

    account: Account
    query: Query
    listing: Literal["by id", "by time", "other"] = "other"

    def after(self) -> Cursor | ApiResponse | None:
        """Return the query's cursor; None without a cursor; a 400 for an unaccepted cursor."""
        if "after" not in self.query:
            return None
        behavior, now, text = self.account.behavior, self.account.now(), self.query["after"][0]
        after = Cursor.read(text, behavior, now)
        if after and after.is_empty is None and not self._is_accepted(text, now):
            after = None
        return after or ApiResponse.error(400, "VALIDATION_ERROR", "UNPARSEABLE_TOKEN")

    def cut(
        self, items: list[Item], order: Callable[[Item], tuple[float, ...]], after: Cursor | None
    ) -> tuple[list[Item], str | None]:
        """Return the page of items after a cursor, and the next cursor.

        The items are in ascending order of their key. An empty page is never the first or last
        page. If cursors are IDs, the previous row's ID is the cursor that leads to the empty page.
        The empty page's own cursor is the next row's ID minus 1.
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
        self.account.returned_cursors[cursor] = now
        return items[start:end], as_in_page(cursor, behavior)

    @property
    def _form(self) -> Form:
        behavior = self.account.behavior
        if self.listing == "by id":
            return behavior.cursors
        if self.listing == "by time":
            return behavior.cursors_by_time
        return "offset" if behavior.cursors == "offset" else "key"

    def _is_accepted(self, text: str, now: datetime) -> bool:
        returned_at = self.account.returned_cursors.get(text)
        is_accepted = is_id_accepted(returned_at, self._form, self.account.behavior, now)
        return self.listing == "by id" and is_accepted


def paging_text(cursor: str | None) -> str:
    """Return the end of a page's JSON: the next cursor, if any, and a link that does not work."""
    if cursor is None:
        return ""
    link = f"https://api.hubapi.com/wrong/path?after={cursor}"
    return f', "paging": {json.dumps({"next": {"after": cursor, "link": link}})}'


def limit_of(query: Query) -> int:
    """Return the query's page size, or 0 if it is not a number."""
    limit = query["limit"][0] if "limit" in query else str(DEFAULT_LIMIT)
    return int(limit) if limit.isdigit() else 0


def limit_problem(query: Query, maximum: int) -> dict[str, bool]:
    """Return a dict for `refusal_of`: whether the query's page size is invalid, by message."""
    return {f"limit must be a number from 1 to {maximum}": not 1 <= limit_of(query) <= maximum}


def failure_of(query: Query, behavior: Behavior) -> ApiResponse | None:
    """Return the error for a page size above `Behavior.fails_above`, or None."""
    if behavior.fails_above is None or limit_of(query) <= behavior.fails_above:
        return None
    if behavior.fails_with == 500:
        return ApiResponse.error(500, "INTERNAL_ERROR", "internal error")
    page = f"<html><body><h1>{behavior.fails_with}</h1></body></html>"
    return ApiResponse.of(behavior.fails_with, page, is_bare=True)


def refusal_of(problems: dict[str, Any]) -> ApiResponse | None:
    """Return the 400 for the first problem whose condition is true, or None."""
    problem = next((message for message, is_true in problems.items() if is_true), None)
    return ApiResponse.error(400, "VALIDATION_ERROR", problem) if problem else None


def _find_start(
    items: list[Item], order: Callable[[Item], tuple[float, ...]], after: Position
) -> int:
    """Return the index of the page's first item, after a number of items or after a key."""
    if isinstance(after, int):
        return after
    return bisect.bisect_right(items, tuple(after), key=order)
