"""Pages of a listing, and the cursors between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping


class NoProgressError(Exception):
    """A listing that would never end."""


@dataclass(frozen=True)
class Page:
    """A page of a listing: cleaned rows, and the cursor of the page behind it, if there is one."""

    rows: list[dict[str, Any]]
    cursor: str | None
    now: str
    """HubSpot's clock when it answered, as a cleaned time."""


class Cursors:
    """The cursors of one walk through a listing; each may come once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def check(self, cursor: str | None) -> str | None:
        """Return the cursor.

        Raises:
            NoProgressError: if it came before. Observed: cursors come again and again.
        """
        if cursor in self._seen:
            message = (
                f"The listing of threads makes no progress: after {len(self._seen) + 1} pages "
                "HubSpot gave a cursor that it had given before. Run the sync again; if that does "
                "not help, HubSpot's support has to."
            )
            raise NoProgressError(message)
        if cursor is not None:
            self._seen.add(cursor)
        return cursor


def next_cursor(body: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page, decoded; None behind the last page only.

    Observed: it may come percent-encoded already; sent as it came it would be encoded twice and
    refused. Pages may be empty although a cursor comes with them. `paging.next.link` has a wrong
    path and is ignored.
    """
    after = ((body.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None or after == "" else unquote(str(after))
