"""Pages of a listing, and the cursors between them."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from typing_extensions import override

from tap_hubspot_threads.hubspot.cleaning import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_hubspot_threads.contract import Row


class Make(Protocol):
    """Makes the row of a JSON object."""

    def __call__(self, found: Mapping[str, Any], /, *, is_plain: bool) -> Row | None:
        """Return the row, told whether the whole text is plain; None where there is none."""


class Rows(Collection["Row"]):
    """The rows of a page, made each time that they are gone through.

    Args:
        text: The page, as it came.
        found: What is in it; kept until `shrink`, and then parsed again.
        things: What they are, in the plural.
        make: Makes a row of one; one that it makes none of is left out.
        warn: Is told how many of them were left out.
    """

    def __init__(
        self,
        text: bytes,
        *,
        found: list[Any],
        things: str,
        make: Make,
        warn: Callable[[str], None],
    ) -> None:
        self._text, self._count, self._things = text, len(found), things
        self._found: list[Any] | None = found
        self._make, self._warn = make, warn

    def shrink(self) -> None:
        """Keep the text alone."""
        self._found = None

    @override
    def __iter__(self) -> Iterator[Row]:
        found = self._found
        if found is None:
            found = json.loads(self._text)["results"]
        plain = is_plain(self._text)
        objects = (item for item in found if isinstance(item, dict))
        rows = [row for item in objects if (row := self._make(item, is_plain=plain)) is not None]
        if useless := len(found) - len(rows):
            of_all = f"{useless} of a page's {len(found)} {self._things}"
            self._warn(f"{of_all} have no usable id and are left out")
        return iter(rows)

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)


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
