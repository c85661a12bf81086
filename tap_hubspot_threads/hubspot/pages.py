"""Pages of a listing, and the cursors between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_page(body: Mapping[str, Any]) -> bool:
    """Whether an answer is a page of objects, with or without a cursor."""
    found, paging = body.get("results"), body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else paging
    return (
        isinstance(found, list)
        and all(isinstance(item, dict) for item in found)
        and (following is None or isinstance(following, dict))
    )


def next_cursor(body: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page, decoded; None behind the last page only.

    Observed: it may come percent-encoded already; sent as it came it would be encoded twice and
    refused. Pages may be empty although a cursor comes with them. `paging.next.link` has a wrong
    path and is ignored.
    """
    after = ((body.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None or after == "" else unquote(str(after))
