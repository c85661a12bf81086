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
    """Makes the rows of JSON objects."""

    @property
    def id_of(self) -> Callable[[Mapping[str, Any]], str | None]:
        """Returns the ID of an object; None if it has none that can be used."""

    def __call__(self, found: Mapping[str, Any], /, *, is_plain: bool) -> Row | None:
        """Return the row of an object; None if it has no usable ID.

        Args:
            found: The object.
            is_plain: Whether the whole page is plain, as `cleaning.is_plain` says.
        """


class Rows(Collection["Row"]):
    """The rows of a page, made each time that they are gone through.

    Args:
        text: The page, as it came.
        found: What is in it; kept until `shrink`, and then parsed again.
        make: Makes a row of one; one that it makes none of is left out.
    """

    def __init__(
        self,
        text: bytes,
        *,
        found: list[Any],
        make: Make,
    ) -> None:
        self._text, self._count, self._make = text, len(found), make
        self._found: list[Any] | None = found

    def shrink(self) -> None:
        """Keep the text alone."""
        self._found = None

    @override
    def __iter__(self) -> Iterator[Row]:
        found = self._found
        if found is None:
            found = json.loads(self._text)["results"]
        plain = is_plain(self._text)
        for item in found:
            row = self._make(item, is_plain=plain) if isinstance(item, dict) else None
            if row is not None:
                yield row

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)


def usable_ids(
    found: list[Any], make: Make, *, things: str, warn: Callable[[str], None]
) -> list[str]:
    """Return the IDs of objects; log how many objects have none that can be used.

    Args:
        found: What a response contains.
        make: Knows the ID of each.
        things: What they are, in the plural.
        warn: Logs a warning.
    """
    objects = (item for item in found if isinstance(item, dict))
    ids = [id_ for item in objects if (id_ := make.id_of(item)) is not None]
    if useless := len(found) - len(ids):
        of_all = f"{useless} of a page's {len(found)} {things}"
        warn(f"{of_all} have no usable id and are left out")
    return ids


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
