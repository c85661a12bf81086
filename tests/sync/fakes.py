"""What the tests of a sync's parts share: an account that answers as it is told to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_hubspot_threads.errors import NotFoundError, TransientError
from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
from tap_hubspot_threads.sync.state.open_threads import mark_of
from tap_hubspot_threads.sync.state.state import SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import Out

NOW = "2026-11-20T12:00:00.000Z"
LOG = logging.getLogger("sync")


class FakeHubSpot:
    """Gives one answer after the other, whatever is asked; `asked` is what was.

    That a thread is to be tried once is a last True there; without it, nothing. So it is with the
    archived side of messages.
    """

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(*values: object, **options: object) -> object:
            is_side = method != "page_of_messages"
            said = [
                value
                for name, value in options.items()
                if value or (name == "archived" and is_side)
            ]
            self.asked.append((method, *values, *said))
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


class Inline(WorkerPool):
    """Calls on this thread, one at a time: what is asked comes in one order."""

    def __init__(self) -> None:
        super().__init__(1)

    @override
    def each(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(function, items)

    @override
    def prefetch_each(
        self, sources: Iterable[tuple[Any, Iterator[Page] | None]]
    ) -> Iterator[tuple[Any, Iterator[Page]]]:
        for item, pages in sources:
            yield item, pages or iter(())


def fake(*answers: object) -> Any:
    """Make an account with such answers."""
    return FakeHubSpot(*answers)


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
    """Make what is kept, from what a state has under bookmarks.threads."""
    return SyncState({"threads": state}, wanted=state.pop("wanted_now", "all"))


def knows(*rows: dict[str, Any], **state: Any) -> SyncState:
    """Make what is kept by a sync from which these rows of open threads went out."""
    state.setdefault("replication_key_value", NOW)
    return kept(open_threads=[f"{found['id']}:{mark_of(found)}" for found in rows], **state)


def write(
    outs: Iterable[Out], written: list[tuple[str, str]] | None = None
) -> list[tuple[str, str]]:
    """Do what the loop that writes does; return the stream and id of each row, in that list."""
    written = [] if written is None else written
    for out in outs:
        if out.first:
            out.first()
        if out.row:
            written.append((out.stream, out.row["id"]))
        if out.then:
            out.then()
    return written
