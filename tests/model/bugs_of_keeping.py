"""Planted bugs: what is kept for the next sync is wrong, or kept too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.models import Out
from tap_hubspot_threads.singer.writer import EventWriter
from tap_hubspot_threads.sync import account
from tap_hubspot_threads.sync import pipeline as outcomes
from tap_hubspot_threads.sync.phases import deletions
from tap_hubspot_threads.sync.phases.deletions import Deletions
from tap_hubspot_threads.sync.phases.full_listing import Listing
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.state.listing_state import DONE
from tap_hubspot_threads.sync.state.open_threads import mark_of
from tap_hubspot_threads.sync.state.state import SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    Plant = Callable[[pytest.MonkeyPatch], None]


def noted_before_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bookmark moves when a page is read, and not behind its last row."""
    run = Increment.run

    def hasty(self: Increment) -> Iterator[Any]:
        for item in run(self):
            if isinstance(item, Out) and item.then:
                item.then()
            yield item

    monkeypatch.setattr(Increment, "run", hasty)


def state_before_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is settled, and saved in a STATE, before it goes out."""
    pass_ = EventWriter._pass  # noqa: SLF001 - the part that has the bug

    def hasty(self: EventWriter, out: Out, sync: Any) -> None:
        if out.row is not None and out.then is not None:
            out.then()
            self._save(sync, is_final=False, is_due=True)
            out = out._replace(then=None)
        pass_(self, out, sync)

    monkeypatch.setattr(EventWriter, "_pass", hasty)


def cursor_saved_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing's cursor is kept when its page is read, and not behind its rows."""
    pages = Listing.pages

    def hasty(self: Listing, most: int | None = None) -> Iterator[Any]:
        for rows, now, advance in pages(self, most):
            if advance.then:
                advance.then()
            yield rows, now, advance._replace(then=None)

    monkeypatch.setattr(Listing, "pages", hasty)


def bookmark_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first listing's bookmark is HubSpot's clock at its end."""
    advance = SyncState.advance_listing

    def late(self: SyncState, part: str, cursor: str | None, now: str, **of_page: Any) -> None:
        if part == DONE and self.bookmark is None:
            self.bookmark = now
        advance(self, part, cursor, now, **of_page)

    monkeypatch.setattr(SyncState, "advance_listing", late)


def doubt_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A STATE never says that rows may have gone out behind it."""
    monkeypatch.setattr(SyncState, "doubt", lambda _: None)


def fingerprint_of_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fingerprint does not see who a thread is assigned to."""
    monkeypatch.setattr(outcomes, "mark_of", lambda row: mark_of(row | {"assignedTo": None}))


def failed_id_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that could not be read is told, and forgotten."""
    monkeypatch.setattr(
        SyncState, "note_failure", lambda self, thread_id, _: self.open.postpone(thread_id)
    )


def number_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another account's number is taken for the state's."""

    def identify(hubspot: Any, workers: Any, kept: SyncState, **_: Any) -> tuple[int | None, bool]:
        number = workers.call(hubspot.account_number)
        return number, number is not None and kept.account is not None

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
    pack = SyncState.pack

    def short(self: SyncState, *, is_final: bool) -> dict[str, Any]:
        packed = pack(self, is_final=is_final)
        return {
            stream: {name: value for name, value in kept.items() if name != "failed" or value}
            for stream, kept in packed.items()
        }

    monkeypatch.setattr(SyncState, "pack", short)


def looks_not_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks are enough, however near to each other they are."""
    monkeypatch.setattr(deletions, "MIN_SECONDS_BETWEEN_CHECKS", 0.0)


def dead_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing threads are forgotten."""
    monkeypatch.setattr(Deletions, "run", lambda _: iter(()))
