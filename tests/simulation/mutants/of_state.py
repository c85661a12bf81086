"""Planted bugs in the state: it is wrong, or it is saved too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.models import CHECKPOINT, StateChange
from tap_hubspot_threads.sync import account, pipeline
from tap_hubspot_threads.sync.phases import deletions
from tap_hubspot_threads.sync.phases.deletions import Deletions
from tap_hubspot_threads.sync.phases.full_listing import FullListing
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of
from tap_hubspot_threads.sync.state.sync_state import SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tap_hubspot_threads.models import Event

    Plant = Callable[[pytest.MonkeyPatch], None]


def bookmark_before_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bookmark moves when a page is read, before its last record is written."""
    changed = Increment._changed  # noqa: SLF001 - the part that has the bug

    def early(self: Increment, lookback: float) -> Iterator[Any]:
        for item in changed(self, lookback):
            if isinstance(item, StateChange):
                item.apply()
            yield item

    monkeypatch.setattr(Increment, "_changed", early)


def state_before_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread is settled, and saved in a STATE, before its record is written."""
    emit = ThreadPipeline.emit

    def early(self: ThreadPipeline, row: Any, **options: Any) -> Iterator[Event]:
        events = list(emit(self, row, **options))
        changes = [event for event in events if isinstance(event, StateChange)]
        yield from (change._replace(save_now=True) for change in changes)
        yield from (event for event in events if not isinstance(event, StateChange))

    monkeypatch.setattr(ThreadPipeline, "emit", early)


def cursor_before_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing's cursor moves when its page is read, before its records are written."""
    pages = FullListing._pages  # noqa: SLF001 - the part that has the bug

    def early(self: FullListing) -> Iterator[Any]:
        for page in pages(self):
            if isinstance(page, StateChange):
                yield page
                continue
            page.advance.apply()
            yield page._replace(advance=CHECKPOINT)

    monkeypatch.setattr(FullListing, "_pages", early)


def bookmark_at_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sync's bookmark is HubSpot's clock at its end."""
    advance = SyncState.advance_listing

    def late(self: SyncState, side: str, part: Any) -> None:
        is_first = self.is_first_listing
        advance(self, side, part)
        if is_first and not self.is_first_listing:
            self.bookmark = part.now

    monkeypatch.setattr(SyncState, "advance_listing", late)


def always_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """No STATE says that later records may have been written."""
    monkeypatch.setattr(SyncState, "mark_inexact", lambda _: None)


def fingerprint_without_assignee(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fingerprint ignores the thread's assignee."""
    monkeypatch.setattr(
        pipeline, "fingerprint_of", lambda row: fingerprint_of(row | {"assignedTo": None})
    )


def failed_thread_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that could not be read is reported, and then forgotten."""
    monkeypatch.setattr(
        SyncState, "note_failure", lambda self, thread_id, _: self.open.postpone(thread_id)
    )


def account_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tap accepts another account's ID."""

    def identify(api: Any, pool: Any, state: SyncState) -> tuple[int | None, bool]:
        number = pool.run(api.get_account_id)
        return number, number is not None and state.account_id is not None

    monkeypatch.setattr(account, "identify", identify)


def account_saved_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account ID is saved although the sync saw no thread that the state knows."""
    identify: Callable[..., tuple[int | None, bool]] = vars(account)["identify"]

    def early(*args: Any, **options: Any) -> tuple[int | None, bool]:
        number, _ = identify(*args, **options)
        return number, number is not None

    monkeypatch.setattr(account, "identify", early)


def empty_key_omitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A STATE omits empty keys."""
    to_bookmarks = SyncState.to_bookmarks

    def short(self: SyncState, *, is_final: bool) -> dict[str, Any]:
        packed = to_bookmarks(self, is_final=is_final)
        return {
            stream: {name: value for name, value in kept.items() if name != "failed" or value}
            for stream, kept in packed.items()
        }

    monkeypatch.setattr(SyncState, "to_bookmarks", short)


def checks_without_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two checks suffice, regardless of the time between them."""
    monkeypatch.setattr(deletions, "MIN_SECONDS_BETWEEN_CHECKS", 0.0)


def deletions_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that are not found are forgotten."""
    monkeypatch.setattr(Deletions, "run", lambda _: iter(()))
