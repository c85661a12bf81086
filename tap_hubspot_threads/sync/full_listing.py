"""When the whole account is listed: at first, and then when that is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_hubspot_threads.sync.kept_listing import DONE
from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.finding import Finding
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.listing import Listing
    from tap_hubspot_threads.sync.options import Options
    from tap_hubspot_threads.sync.out import Stage
    from tap_hubspot_threads.sync.outcomes import Outcomes
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.reading import Reader


class FullListing:
    """Lists the whole account, once a sync at the most; rows go out whether or not they are known.

    Args:
        listing: Yields the pages that are left.
        reader: Reads what is listed, where that is wanted.
        outcomes: Says what becomes of what was read.
        finding: Says what becomes of what was listed.
        kept: Says when it was last listed.
        read: Has HubSpot's clock.
        options: How, and how often.
        behind: What hangs on the threads.
    """

    def __init__(
        self,
        listing: Listing,
        reader: Reader,
        outcomes: Outcomes,
        finding: Finding,
        *,
        kept: Kept,
        read: Read,
        options: Options,
        behind: Stage,
    ) -> None:
        self._listing, self._reader = listing, reader
        self._outcomes, self._finding = outcomes, finding
        self._kept, self._read, self._options = kept, read, options
        self._behind = behind
        self._has_listed = False

    def first(self) -> Iterator[Out]:
        """List all that is left of it."""
        return self._list(None)

    def when_due(self, *, is_purge: bool = False) -> Iterator[Out] | None:
        """Return the full listing, if one is under way or due, and was not listed in this sync.

        Args:
            is_purge: Whether it is due if it could show a thread that was missed.
        """
        is_due = self._is_due() or (is_purge and self._is_unproved())
        is_under_way = self._kept.listing.part != DONE
        if self._has_listed or not self._kept.listing.rows_go_out or not (is_due or is_under_way):
            return None
        return self._started()

    def _started(self) -> Iterator[Out]:
        if self._kept.listing.part == DONE:
            yield Out(then=self._kept.listing.start)
        yield from self._list(self._options.full_listing_calls)

    def _is_due(self) -> bool:
        started, now = self._kept.listing.full_started_at, self._read.now
        hours = self._options.full_listing_hours
        return started is None or not started <= now < shift(started, seconds=hours * 3600)

    def _is_unproved(self) -> bool:
        """Whether a thread was missed that the last full listing could still show."""
        started = self._kept.listing.full_started_at or ""
        return any(first >= started for first in self._kept.missed.values())

    def _list(self, calls: int | None) -> Iterator[Out]:
        self._has_listed = True
        pages = self._listing.pages(calls)
        if self._options.by_id and self._kept.listing.rows_go_out:
            ids = self._finding.ids(pages)
            return self._behind(self._outcomes.of(self._reader.read(ids)))
        return self._behind(self._finding.rows(pages))
