"""Planted bugs: what is kept for the next sync is wrong, or kept too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.models import CHECKPOINT, StateChange
from tap_hubspot_threads.sync import account, pipeline
from tap_hubspot_threads.sync.phases import deletions
from tap_hubspot_threads.sync.phases.deletions import Deletions
from tap_hubspot_threads.sync.phases.full_listing import FullListing
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.listing_state import DONE
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of
from tap_hubspot_threads.sync.state.state import SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tap_hubspot_threads.models import Event, Page

    Plant = Callable[[pytest.MonkeyPatch], None]


def noted_before_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bookmark moves when a page is read, and not after its last record."""
    changed = Increment._changed  # noqa: SLF001 - the part that has the bug

    def hasty(self: Increment) -> Iterator[Any]:
        for item in changed(self):
            if isinstance(item, StateChange):
                item.apply()
            yield item

    monkeypatch.setattr(Increment, "_changed", hasty)


def state_before_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread is settled, and saved in a STATE, before its record is written."""
    emit = ThreadPipeline.emit

    def hasty(self: ThreadPipeline, row: Any, **options: Any) -> Iterator[Event]:
        events = list(emit(self, row, **options))
        changes = [event for event in events if isinstance(event, StateChange)]
        yield from (change._replace(save_now=True) for change in changes)
        yield from (event for event in events if not isinstance(event, StateChange))

    monkeypatch.setattr(ThreadPipeline, "emit", hasty)


def cursor_saved_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing's cursor is kept when its page is read, and not after its records."""
    pages = FullListing._pages  # noqa: SLF001 - the part that has the bug

    def hasty(self: FullListing) -> Iterator[Any]:
        for page in pages(self):
            page.advance.apply()
            yield page._replace(advance=CHECKPOINT)

    monkeypatch.setattr(FullListing, "_pages", hasty)


def bookmark_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first listing's bookmark is HubSpot's clock at its end."""
    advance = SyncState.advance_listing

    def late(self: SyncState, part: str, page: Page, **options: Any) -> None:
        if part == DONE and self.bookmark is None:
            self.bookmark = page.now
        advance(self, part, page, **options)

    monkeypatch.setattr(SyncState, "advance_listing", late)


def doubt_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A STATE never says that records may have been written after it."""
    monkeypatch.setattr(SyncState, "mark_inexact", lambda _: None)


def fingerprint_of_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fingerprint does not see who a thread is assigned to."""
    monkeypatch.setattr(
        pipeline, "fingerprint_of", lambda row: fingerprint_of(row | {"assignedTo": None})
    )


def failed_id_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that could not be read is told, and forgotten."""
    monkeypatch.setattr(
        SyncState, "note_failure", lambda self, thread_id, _: self.open.postpone(thread_id)
    )


def number_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another account's number is taken for the state's."""

    def identify(api: Any, pool: Any, state: SyncState) -> tuple[int | None, bool]:
        number = pool.run(api.get_account_id)
        return number, number is not None and state.account_id is not None

    monkeypatch.setattr(account, "identify", identify)


def number_kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is kept although no thread was seen that the state knows."""
    identify: Callable[..., tuple[int | None, bool]] = vars(account)["identify"]

    def hasty(*args: Any, **options: Any) -> tuple[int | None, bool]:
        number, _ = identify(*args, **options)
        return number, number is not None

    monkeypatch.setattr(account, "identify", hasty)


def key_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A STATE lacks what is empty."""
    to_bookmarks = SyncState.to_bookmarks

    def short(self: SyncState, *, is_final: bool) -> dict[str, Any]:
        packed = to_bookmarks(self, is_final=is_final)
        return {
            stream: {name: value for name, value in kept.items() if name != "failed" or value}
            for stream, kept in packed.items()
        }

    monkeypatch.setattr(SyncState, "to_bookmarks", short)


def looks_not_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks are enough, however near to each other they are."""
    monkeypatch.setattr(deletions, "MIN_SECONDS_BETWEEN_CHECKS", 0.0)


def dead_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing threads are forgotten."""
    monkeypatch.setattr(Deletions, "run", lambda _: iter(()))
