"""Fakes for the tests of `sync/`: a scripted API, and factories for rows, pages and states."""

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
from tap_hubspot_threads.sync.state.sync_state import SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.sync.concurrency.prefetch import Plan


NOW = "2026-11-20T12:00:00.000Z"
FILTERS = ("inbox_ids", "include_archived", "start_date")


LISTS = {"list_threads", "list_open_threads", "threads_since", "list_messages", "list_all"}
"""Methods that yield pages, one per API call."""


class FakeApi:
    """A scripted API: returns or raises its answers in order, for any method.

    `requests` holds one tuple per API call: the method, its positional arguments, the cursor of a
    page, then its options. False options are left out, except `archived`, which is left out for
    messages only.
    """

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[Any, ...]] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def answer(*values: object, **options: object) -> object:
            keeps_archived = method != "list_messages"
            recorded = [
                value
                for name, value in options.items()
                if value or (name == "archived" and keeps_archived)
            ]
            self.requests.append((method, *values, *recorded))
            found = self.answers.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        def pages(*values: object, **options: object) -> Iterator[object]:
            cursor: Any = None
            if method == "list_threads":
                cursor, values = (values[0], ()) if values else (None, ())
            guard = PaginationGuard(cursor)
            while True:
                found: Any = answer(*values, cursor, **options)
                yield found
                cursor = guard.next_cursor(found)
                if cursor is None:
                    return

        return pages if method in LISTS else answer


class Inline(WorkerPool):
    """A worker pool that works on the calling thread, so that requests come in a fixed order."""

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

    @override
    def run_plan(self, plan: Plan[Any, Any]) -> Iterator[Any]:
        while (task := plan.take()) is not None:
            result = plan.run(task)
            plan.done(task, result)
            yield result


def fake(*answers: object) -> Any:
    """Return an API that gives these answers."""
    return FakeApi(*answers)


def row(thread_id: int | str, at: str | None = NOW, **columns: Any) -> dict[str, Any]:
    """Return the row of an open, live thread whose latest message is at `at`."""
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
    """Return a page of a list."""
    names = [found["id"] for found in rows]
    return Page(list(rows), cursor, now, seconds=seconds, ids=names)


def not_found_error(now: str | None = NOW) -> NotFoundError:
    """Return the error of a 404 that is HubSpot's own."""
    return NotFoundError("GET /threads/{threadId}: 404", now=now)


def transient_error() -> TransientError:
    """Return the error of a request whose attempts all failed."""
    return TransientError("GET /threads/{threadId}: 503")


def make_state(**state: Any) -> SyncState:
    """Return a state, from the values of a STATE message under bookmarks.threads."""
    return SyncState({"threads": state}, filters=state.pop("current_filters", "all"))


def make_state_with_open(*rows: dict[str, Any], **state: Any) -> SyncState:
    """Return the state after a first sync that emitted these rows of open threads."""
    state = {"replication_key_value": NOW, "full_listing_completed_at": NOW} | state
    return make_state(
        open_threads=[f"{found['id']}:{fingerprint_of(found)}" for found in rows], **state
    )


def make_context(
    state: SyncState | None = None, selection: Selection | None = None, **settings: Any
) -> SyncContext:
    """Return the context of a sync, by default of `threads` alone."""
    state = state or make_state()
    threads = {name: settings.pop(name) for name in FILTERS if name in settings}
    return SyncContext(
        Settings(threads=ThreadFilter(**threads), **settings),
        selection or Selection(),
        state,
        failures=Failures(state.failed, state.messages.pending),
    )


def write(
    events: Iterable[Any], written: list[tuple[str, str]] | None = None
) -> list[tuple[str, str]]:
    """Consume events like the writing loop; add the stream and ID of each record to `written`."""
    written = [] if written is None else written
    for event in events:
        if isinstance(event, Record):
            written.append((event.stream, event.row["id"]))
        elif isinstance(event, StateChange):
            event.apply()
    return written


def records(events: Iterable[Any]) -> list[tuple[str, str]]:
    """Return the stream and ID of each record, without applying state changes."""
    return [(event.stream, event.row["id"]) for event in events if isinstance(event, Record)]
