"""Pages that are read ahead, bounded in bytes."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Page

PREFETCH_BYTES = 4_000_000
"""Bytes of pages that are read in advance: a target that stops to load a batch of its own must not
stop the reading."""

PARSED_BYTES = PREFETCH_BYTES // 4
"""Bytes of pages that are kept as they were parsed, which takes five times as much: whoever takes
pages as they come need not have them parsed twice. What waits behind these shrinks."""


class ByteBudget:
    """The budget that several buffers share."""

    def __init__(self) -> None:
        self.bytes = 0
        self.is_closed = False
        self.changed = threading.Condition()

    def close(self) -> None:
        """Have nothing more read into any of them."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()


class Buffer:
    """The pages of one source.

    Guarantees:
        * No page is begun while `PREFETCH_BYTES` bytes wait in the budget, but for the first of a
          source whose turn it is and of which none is there: whoever takes in turn never waits.
        * What the source raises comes at its place behind the pages.

    Args:
        budget: What this one shares with others.
        source: The pages; gone through by `fill` only.
    """

    def __init__(self, budget: ByteBudget, source: Iterator[Page]) -> None:
        self._budget, self._source = budget, source
        self._pages: deque[Page] = deque()
        self._error: BaseException | None = None
        self._is_current = self._is_closed = False
        self.is_ended = False
        """Whether all of it is here, and what ended it."""

    def fill(self) -> None:
        """Read the source, as there is budget; never raises."""
        error: BaseException | None = None
        try:
            while self._wait_for_budget():
                page = next(self._source, None)
                if page is None:
                    break
                with self._budget.changed:
                    if self._is_closed:
                        break  # nobody takes it, so it would hold its budget for ever
                    self._budget.bytes += page.size
                    if self._budget.bytes > PARSED_BYTES:
                        page.shrink()
                    self._pages.append(page)
                    self._budget.changed.notify_all()
        except BaseException as raised:  # noqa: BLE001 - handed over to whoever takes the pages
            error = raised
        with self._budget.changed:
            self._error, self.is_ended = error, True
            self._budget.changed.notify_all()

    def make_current(self) -> None:
        """Let it go on, whatever waits in the others."""
        with self._budget.changed:
            self._is_current = True
            self._budget.changed.notify_all()

    def is_ready(self, timeout: float) -> bool:
        """Wait so many seconds at the most for something to take; tell whether there is."""
        with self._budget.changed:
            return self._budget.changed.wait_for(
                lambda: bool(self._pages) or self.is_ended, timeout
            )

    def take(self) -> Page | None:
        """Return the next page; None at the end.

        Raises:
            Whatever ended the pages.
        """
        with self._budget.changed:
            if self._pages:
                page = self._pages.popleft()
                self._budget.bytes -= page.size
                self._budget.changed.notify_all()
                return page
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Have nothing more read into it, and give back its budget."""
        with self._budget.changed:
            self._is_closed = True
            self._budget.bytes -= sum(page.size for page in self._pages)
            self._pages.clear()
            self._budget.changed.notify_all()

    def _wait_for_budget(self) -> bool:
        """Wait until a page may be begun; tell whether it is to be."""
        budget = self._budget

        def may_proceed() -> bool:
            is_awaited = self._is_current and not self._pages
            return (
                budget.is_closed or self._is_closed or budget.bytes < PREFETCH_BYTES or is_awaited
            )

        with budget.changed:
            budget.changed.wait_for(may_proceed)
            return not (budget.is_closed or self._is_closed)
