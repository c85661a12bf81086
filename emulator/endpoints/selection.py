"""Selects and sorts the threads of a list."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.behavior import Behavior
    from emulator.data.account import Account
    from emulator.data.thread import Thread

Query = dict[str, list[str]]
Order = Callable[["Thread"], tuple[float, ...]]

STATUSES = ("OPEN", "CLOSED")
MAX_CACHED = 8
"""Maximum number of cached lists, because the lists of a large account are large."""
PAGE_PARAMETERS = ("after", "limit", "association", "property")
"""Parameters that change neither the threads of a list nor their order."""


def select(account: Account, query: Query) -> list[Thread]:
    """Return all threads that the query selects, on all pages.

    The returned list is cached until a thread changes: do not modify it.
    """
    behavior = account.behavior
    lag = _lag(behavior, query)
    if lag:
        moment = account.now() - timedelta(seconds=lag)
        return _select(account.threads.as_of(moment).values(), query, behavior)
    parameters = tuple((name, *query[name]) for name in query if name not in PAGE_PARAMETERS)
    key = (*parameters, behavior.status_filter, behavior.archived_by_time)
    cache = account.threads.derived
    if key not in cache:
        if len(cache) >= MAX_CACHED:
            cache.clear()
        cache[key] = _select(account.threads.values(), query, behavior)
    selected: list[Thread] = cache[key]
    return selected


def order_of(query: Query) -> Order:
    """Return the list's sort key; the list is in ascending order."""
    return _by_time if is_by_time(query) else _by_id


def is_by_time(query: Query) -> bool:
    """Return whether the list is sorted by latest message."""
    return query.get("sort") == ["latestMessageTimestamp"]


def wants_archived(query: Query) -> bool:
    """Return whether the query asks for archived objects instead of live ones."""
    return query.get("archived") == ["true"]


def _select(every: Iterable[Thread], query: Query, behavior: Behavior) -> list[Thread]:
    """Filter and sort threads. Unknown parameters are ignored."""
    archived = wants_archived(query)
    threads = [thread for thread in every if thread.archived == archived]
    filters: dict[str, Callable[[Thread], int | None]] = {
        "inboxId": lambda thread: thread.inbox_id,
        "associatedContactId": lambda thread: thread.contact_id,
        "associatedTicketId": lambda thread: thread.ticket_id,
    }
    for name, value in filters.items():
        if name in query:
            threads = [thread for thread in threads if query[name] == [str(value(thread))]]
    if "threadStatus" in query:
        threads = _filter_by_status(threads, query["threadStatus"][0].upper(), behavior)
    if is_by_time(query):
        since = _parse_time(query["latestMessageTimestampAfter"][0])
        latest = [(thread, thread.latest_message_at) for thread in threads]
        is_filtered = not (archived and behavior.archived_by_time == "ignores the filter")
        threads = [
            thread for thread, moment in latest if moment and (moment >= since or not is_filtered)
        ]
    return sorted(threads, key=order_of(query))


def _filter_by_status(threads: list[Thread], status: str, behavior: Behavior) -> list[Thread]:
    """Filter by status, with the flaws that the behavior demands."""
    if behavior.status_filter == "ignored":
        return threads
    if behavior.status_filter == "empty":
        return []
    if behavior.status_filter == "index":
        threads = [_as_indexed(thread) for thread in threads if _group_of(thread) != 0]
    return [thread for thread in threads if thread.status == status]


def _as_indexed(thread: Thread) -> Thread:
    """Return a thread as in the bad status index, which shows 20% of the threads as always open."""
    if thread.closed_at is None or _group_of(thread) != 1:
        return thread
    stale = thread.unwatched_copy()
    stale.closed_at = None
    return stale


def _group_of(thread: Thread) -> int:
    """Return which of 5 groups a thread is in. A hash spreads consecutive IDs over the groups."""
    return zlib.crc32(str(thread.id).encode()) % 5


def _lag(behavior: Behavior, query: Query) -> float:
    if "threadStatus" in query:
        return behavior.lag_by_status
    return behavior.lag_by_time if is_by_time(query) else behavior.lag_by_id


def _by_id(thread: Thread) -> tuple[float, ...]:
    return (thread.id,)


def _by_time(thread: Thread) -> tuple[float, ...]:
    moment = thread.latest_message_at
    return (moment.timestamp() if moment else 0, thread.id)


def _parse_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
