"""Planted bugs in reading: the tap misses or misreads something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import HubSpotError, RefusedError
from tap_hubspot_threads.hubspot import client, clock, page_size
from tap_hubspot_threads.hubspot.api import HubSpotApi
from tap_hubspot_threads.hubspot.error_details import ErrorDetails
from tap_hubspot_threads.models import StateChange
from tap_hubspot_threads.settings.settings import Settings
from tap_hubspot_threads.sync.phases import increment, time_window
from tap_hubspot_threads.sync.phases.open_thread_check import OpenThreadCheck
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tap_hubspot_threads.sync.pipeline import ListedPage

    Plant = Callable[[pytest.MonkeyPatch], None]


def no_lookback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The increment starts at the bookmark, without the lookback."""
    from_config = Settings.from_config

    def without(config: Any, **options: Any) -> Settings:
        return replace(from_config(config, **options), lookback_seconds=0)

    monkeypatch.setattr(Settings, "from_config", without)


def since_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time from which a page is requested is rounded up to whole seconds."""
    threads_since = HubSpotApi.threads_since

    def late(self: HubSpotApi, since: str, *, archived: bool) -> Any:
        since = f"{shift(since, seconds=0.999)[:19]}.000Z"
        return threads_since(self, since, archived=archived)

    monkeypatch.setattr(HubSpotApi, "threads_since", late)


def empty_page_ends_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing ends at an empty page although the page has a cursor."""
    list_threads = HubSpotApi.list_threads

    def ends_early(*args: Any, **options: Any) -> Iterator[Any]:
        for page in list_threads(*args, **options):
            yield page if page.rows else replace(page, cursor=None)
            if not page.rows:
                return

    monkeypatch.setattr(HubSpotApi, "list_threads", ends_early)


def cursors_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cursors are followed under the sort by time, where they may be offsets."""

    def follow(
        list_since: Any, since: str, seen: set[str], *, until: str | None = None, **_: Any
    ) -> Iterator[Any]:
        for page in list_since(since):
            rows = [row for row in page.rows if row["id"] not in seen]
            if until is not None:
                rows = [row for row in rows if row["latestMessageTimestamp"] <= until]
            seen.update(row["id"] for row in rows)
            last = max((row["latestMessageTimestamp"] for row in page.rows), default=since)
            yield time_window.Window(rows, last if page.cursor else None)
            if page.cursor is None:
                return

    monkeypatch.setattr(time_window, "iter_by_time", follow)


def walk_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk by cursors is not repeated although it may have skipped a thread."""
    walk: Any = vars(time_window)["_Walk"]
    monkeypatch.setattr(walk, "next_page", lambda self: next(self._source))


def position_of_the_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next page is requested from the latest time of a page."""
    _replace_position(monkeypatch, lambda times, _: max(times))


def position_of_the_last_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next page is requested from the last row's time, which a late email may have moved."""
    _replace_position(monkeypatch, lambda times, _: times[-1])


def _replace_position(
    monkeypatch: pytest.MonkeyPatch, choose: Callable[[list[str], Any], str]
) -> None:
    """Make one of a page's times the position of the walk."""

    def position(self: Any, page: Any) -> str | None:
        times = [row["latestMessageTimestamp"] for row in page.rows]
        self._last = [*self._last, *times][-time_window.LATER_ROWS :]
        moved = choose(times, page) if times else self._at
        return moved if moved > self._at else None

    monkeypatch.setattr(vars(time_window)["_Walk"], "position", position)


def archived_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The increment reads only live threads."""
    iter_changed = time_window.iter_changed_threads
    monkeypatch.setattr(
        increment,
        "iter_changed_threads",
        lambda live, _archived=None, *, since, end: iter_changed(live, since=since, end=end),
    )


def local_clock_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no response has a `Date`, the tap trusts the local clock."""
    monkeypatch.setattr(clock, "MARGIN", timedelta())


def refused_size_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """If HubSpot refuses pages of 500, no smaller size is requested."""
    monkeypatch.setattr(page_size, "SMALLER_SIZES", ())


def failing_size_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """If pages of a size fail each time, no smaller size is requested."""
    monkeypatch.setattr(page_size.SinglePageSize, "failed", lambda *_: None)


def refusal_ends_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 403 for one item ends the sync."""
    original = vars(client)["raise_for_status"]

    def check(response: Any, asked: Any) -> None:
        try:
            original(response, asked)
        except RefusedError as error:
            if error.status == HTTPStatus.FORBIDDEN:
                raise HubSpotError(str(error)) from None
            raise

    monkeypatch.setattr(client, "raise_for_status", check)


def gateway_404_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway's 404 marks a thread as not found."""
    of = ErrorDetails.from_response

    def from_gateway(response: Any, token: str) -> ErrorDetails:
        return replace(of(response, token), is_own_404=True)

    monkeypatch.setattr(ErrorDetails, "from_response", from_gateway)


def header_of_404_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """HubSpot's 404 is recognized only by a JSON body, not by its header."""
    of = ErrorDetails.from_response

    def without_header(response: Any, token: str) -> ErrorDetails:
        headers = {
            name: value
            for name, value in response.headers.items()
            if name.lower() != "x-hubspot-notfound"
        }
        headers["X-HubSpot-Correlation-Id"] = response.headers.get("X-HubSpot-Correlation-Id", "")
        return of(replace(response, headers=headers), token)

    monkeypatch.setattr(ErrorDetails, "from_response", without_header)


def wrong_path_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tap believes a 404 although the Conversations API has not answered yet."""
    original = vars(client)["raise_for_status"]
    monkeypatch.setattr(
        client,
        "raise_for_status",
        lambda response, asked: original(response, replace(asked, conversations_succeeded=True)),
    )


def not_found_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that was not found once is not requested again."""
    monkeypatch.setattr(OpenThreadCheck, "not_found_once", lambda _: iter(()))


def unlisted_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open threads that no listing returned are not read by ID."""
    monkeypatch.setattr(OpenThreadCheck, "by_id", lambda _: iter(()))


def listed_row_overwrites(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of a lagging listing is emitted after a newer row that was read by ID."""

    def listed(self: Any, page: ListedPage) -> Iterator[Any]:
        for row in page.rows:
            if row["id"] in self._state.not_found:
                yield StateChange(partial(self._state.move_first_check, row["id"], page.now))
            elif self._is_in_scope(row):
                yield from self.emit(row, always=True)
        yield page.advance

    def checked(self: Any, rows: Any) -> Iterator[Any]:
        for row in rows:
            is_open = row["id"] in self._state.open or self._context.is_tracked(row)
            if row["id"] not in self._state.not_found and is_open:
                yield from self.emit(row)

    monkeypatch.setattr(ThreadPipeline, "_listed_page", listed)
    monkeypatch.setattr(ThreadPipeline, "checked", checked)
