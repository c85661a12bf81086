"""What the tests of a sync's parts share: an account that answers as it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_hubspot_threads.errors import NotFoundError, TransientError
from tap_hubspot_threads.hubspot.pagination import PaginationGuard
from tap_hubspot_threads.models import Page, Record, Selection, StateChange
from tap_hubspot_threads.settings.settings import Settings, ThreadFilter
from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
from tap_hubspot_threads.sync.context import Failures, SyncContext
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of
from tap_hubspot_threads.sync.state.state import SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


NOW = "2026-11-20T12:00:00.000Z"
FILTERS = ("inbox_ids", "include_archived", "start_date")


LISTS = {"list_threads", "list_open_threads", "threads_since", "list_messages", "list_all"}
"""The methods that yield pages."""


class FakeApi:
    """Gives one answer after the other, whatever is requested; `asked` is what was.

    Each entry is the method and its arguments; that a request is attempted once only is a last
    True there, and without it nothing. The page of a list has its cursor before `archived`. So it
    is with the archived messages of a thread.
    """

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def answer(*values: object, **options: object) -> object:
            is_side = method != "list_messages"
            said = [
                value
                for name, value in options.items()
                if value or (name == "archived" and is_side)
            ]
            self.asked.append((method, *values, *said))
            found = self.answers.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        def pages(
            *values: object, max_pages: int | None = None, **options: object
        ) -> Iterator[object]:
            cursor: Any = None
            if method == "list_threads":
                cursor, values = (values[0], ()) if values else (None, ())
            guard = PaginationGuard(cursor)
            while max_pages is None or max_pages > 0:
                found: Any = answer(*values, cursor, **options)
                yield found
                cursor = guard.next_cursor(found)
                if cursor is None:
                    return
                max_pages = None if max_pages is None else max_pages - 1

        return pages if method in LISTS else answer


class Inline(WorkerPool):
    """Calls on this thread, one at a time: what is asked comes in one order."""

    def __init__(self) -> None:
        super().__init__(1)

    @override
    def map_ordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(function, items)

    @override
    def prefetch_each(
        self, sources: Iterable[tuple[Any, Iterator[Page] | None]]
    ) -> Iterator[tuple[Any, Iterator[Page]]]:
        for item, pages in sources:
            yield item, pages or iter(())


def fake(*answers: object) -> Any:
    """Make an account with such answers."""
    return FakeApi(*answers)


def row(thread_id: int | str, at: str | None = NOW, **columns: Any) -> dict[str, Any]:
    """Make the row of an open, live thread whose latest message is at a moment."""
    return {
        "id": str(thread_id),
        "archived": False,
        "status": "OPEN",
        "inboxId": "1",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "latestMessageTimestamp": at,
        **columns,
    }


def page(
    *rows: dict[str, Any], cursor: str | None = None, now: str = NOW, seconds: float = 0
) -> Page:
    """Make a page of a listing."""
    names = [found["id"] for found in rows]
    return Page(list(rows), cursor, now, seconds=seconds, ids=names)


def missing(now: str | None = NOW) -> NotFoundError:
    """Make HubSpot's word that there is no such thread."""
    return NotFoundError("GET /threads/{threadId}: 404", now=now)


def passing() -> TransientError:
    """Make the error of a request whose tries have failed."""
    return TransientError("GET /threads/{threadId}: 503")


def kept(**state: Any) -> SyncState:
    """Make a state, from what a STATE has under bookmarks.threads."""
    return SyncState({"threads": state}, filters=state.pop("wanted_now", "all"))


def knows(*rows: dict[str, Any], **state: Any) -> SyncState:
    """Make the state after a sync that emitted these rows of open threads."""
    state.setdefault("replication_key_value", NOW)
    return kept(open_threads=[f"{found['id']}:{fingerprint_of(found)}" for found in rows], **state)


def context(
    state: SyncState | None = None, selection: Selection | None = None, **settings: Any
) -> SyncContext:
    """Make the context of a sync: of threads alone, unless a selection says otherwise."""
    state = state or kept()
    threads = {name: settings.pop(name) for name in FILTERS if name in settings}
    return SyncContext(
        Settings(threads=ThreadFilter(**threads), **settings),
        selection or Selection(),
        lambda: state,
        failures=Failures(state.failed, state.messages.pending),
    )


def write(
    events: Iterable[Any], written: list[tuple[str, str]] | None = None
) -> list[tuple[str, str]]:
    """Do what the loop that writes does; return the stream and ID of each record, in that list."""
    written = [] if written is None else written
    for event in events:
        if isinstance(event, Record):
            written.append((event.stream, event.row["id"]))
        elif isinstance(event, StateChange):
            event.apply()
    return written


def records(events: Iterable[Any]) -> list[tuple[str, str]]:
    """Return the stream and ID of each record among events; change no state."""
    return [(event.stream, event.row["id"]) for event in events if isinstance(event, Record)]
