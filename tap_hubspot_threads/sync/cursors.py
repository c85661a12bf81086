"""The cursors of one walk through a listing."""

from __future__ import annotations

from tap_hubspot_threads.contract import NoProgressError


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
