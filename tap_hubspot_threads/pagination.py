"""The cursor of a listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Cursor:
    """Where a listing stands: follows `paging.next.after` until it is missing.

    Observed: pages may be empty although a cursor comes with them. A cursor may come
    percent-encoded already; sent as it came it would be encoded twice and refused, so it is decoded
    once here. `paging.next.link` has a wrong path and is ignored. Cursors came again and again: one
    that the same listing has had before is an error, not an endless loop.
    """

    def __init__(self) -> None:
        self.value: str | None = None
        self.finished = False
        self._seen: set[str] = set()

    def advance(self, page: Mapping[str, Any]) -> None:
        """Move behind a page (a listing's answer).

        Raises:
            FatalAPIError: if HubSpot gives a cursor that this listing has had before.
        """
        paging = page.get("paging") or {}
        after = (paging.get("next") or {}).get("after")
        if not after:
            self.finished = True
            return
        self.value = unquote(str(after))
        if self.value in self._seen:
            message = (
                f"The listing of threads makes no progress: after {len(self._seen) + 1} pages "
                "HubSpot gave a cursor that it had given before. Run the sync again; if that does "
                "not help, HubSpot's support has to."
            )
            raise FatalAPIError(message)
        self._seen.add(self.value)
