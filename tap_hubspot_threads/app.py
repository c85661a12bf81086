"""Builds the client, the sync and the writer from the settings, and runs the sync."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_hubspot_threads.hubspot.api import BASE_PATHS, PAGE_SIZE, HubSpotApi, ThreadQuery
from tap_hubspot_threads.hubspot.auth import OAuthCredentials, StaticCredentials, TokenEndpoint
from tap_hubspot_threads.hubspot.client import Client
from tap_hubspot_threads.hubspot.clock import HubSpotClock
from tap_hubspot_threads.hubspot.limits.rate_limit import RateLimit
from tap_hubspot_threads.hubspot.retry import Retry
from tap_hubspot_threads.hubspot.transport import Connection, HttpTransport
from tap_hubspot_threads.models import Event, Selection
from tap_hubspot_threads.singer.progress import Progress, describe_misfits
from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tap_hubspot_threads.singer.writer import STATE_INTERVAL, EventWriter
from tap_hubspot_threads.sync.account import AccountSync
from tap_hubspot_threads.sync.children.actors import Actors
from tap_hubspot_threads.sync.children.messages import Messages
from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
from tap_hubspot_threads.sync.configured_ids import ConfiguredIdsSync
from tap_hubspot_threads.sync.context import Failures, SyncContext
from tap_hubspot_threads.sync.pipeline import ChildStream, ThreadPipeline
from tap_hubspot_threads.sync.reference_sync import ReferenceSync
from tap_hubspot_threads.sync.state.sync_state import SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_hubspot_threads.hubspot.auth import Credentials
    from tap_hubspot_threads.hubspot.transport import Transport
    from tap_hubspot_threads.settings.settings import Settings
    from tap_hubspot_threads.settings.thread_ids import ConfiguredIds
    from tap_hubspot_threads.signals import Stop
    from tap_hubspot_threads.singer.row_to_record import HubSpotStream

LOG = logging.getLogger("tap-hubspot-threads")

CONNECTION_ATTEMPTS = 2
"""Maximum attempts per request in a connection test, to keep the test quick."""


@dataclass(frozen=True)
class Runtime:
    """The objects and values that tests replace."""

    transport: Callable[[Settings], Transport] = lambda settings: HttpTransport(
        settings.api_url, connections=settings.max_concurrency
    )
    workers: type[WorkerPool] = WorkerPool
    clock: Callable[[], float] = time.monotonic
    """Returns monotonic seconds."""
    page_size: int = PAGE_SIZE
    state_interval: float = STATE_INTERVAL


class Sync(NamedTuple):
    """One sync: its events, its context, and the function that returns the new state."""

    events: Iterable[Event]
    context: SyncContext
    bookmarks: Callable[..., dict[str, Any] | None] | None = None
    """`AccountSync.bookmarks`, which returns the new state's entries by stream. None: the sync does
    not change the state. This is the case if IDs are configured, or if none of `threads`,
    `messages` and `actors` is selected."""


class App:
    """Syncs an account once, or tests the connection to the account."""

    def __init__(self, settings: Settings, runtime: Runtime, stop: Stop) -> None:
        self._settings, self._runtime, self._stop = settings, runtime, stop
        self._is_over = False
        self._transport = runtime.transport(settings)
        self._client = self._make_client()
        self._api = HubSpotApi(
            self._client,
            version=settings.api_version,
            schema=SCHEMAS.get_schema,
            query=ThreadQuery(settings.associations, settings.property, settings.threads.inbox_id),
            page_size=runtime.page_size,
        )
        self._progress = Progress(runtime.clock, self._client)
        self._pool = runtime.workers(settings.max_concurrency, self._while_waiting)

    def sync(
        self,
        streams: Mapping[str, HubSpotStream],
        *,
        ids: ConfiguredIds | None,
        initial_state: Mapping[str, Any],
        bookmarks: Mapping[str, Any],
        write_state: Callable[[dict[str, Any]], None],
        max_records: int | None = None,
    ) -> None:
        """Read and write the records of the streams. Then log a summary, even after an error.

        Args:
            streams: The selected streams, by name.
            ids: The configured thread IDs. None: sync the whole account.
            initial_state: The state that the tap received.
            bookmarks: The entries of `initial_state` to resume from, by stream. Empty: the sync
                starts over. Ignored if IDs are configured.
            write_state: Writes a STATE message.
            max_records: The sync ends after this many records. None: no limit.

        Raises:
            HubSpotError: if reading fails.
            OutputError: if writing fails.
            Stopped: if a signal arrives.
        """
        messages, settings = streams.get("messages"), self._settings
        if not (messages and messages.has_column("text", "richText")):
            settings = replace(settings, fetch_original_content=False)
        selection = Selection.of(streams)
        sync = build_sync(self._api, self._pool, settings, selection, ids=ids, bookmarks=bookmarks)
        self._progress.total = ids.total if ids else None
        if ids is None:
            self._progress.since = bookmarks.get("threads", {}).get("replication_key_value")
        if sync:
            self._progress.stats, self._progress.failures = (
                sync.context.stats,
                sync.context.failures,
            )
        writer = EventWriter(
            streams,
            initial_state=initial_state,
            write_state=write_state,
            stop=self._stop,
            progress=self._progress,
            state_interval=self._runtime.state_interval,
        )
        LOG.info("Reading %s", ", ".join(streams))
        error: BaseException | None = None
        try:
            events, get_bookmarks = (sync.events, sync.bookmarks) if sync else ((), None)
            writer.run(events, get_bookmarks, max_records=max_records)
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._is_over = True
            self._transport.close()
            self._progress.log_metrics()
            if self._progress.misfits:
                LOG.warning("%s", describe_misfits(self._progress.misfits))
            summary = self._progress.summary(error)
            LOG.info(summary, extra=self._progress.fields(writer.saved))

    def test_connection(self) -> None:
        """Request the account ID and one page of threads, and log the account, scope and limits.

        Raises:
            HubSpotError: if threads cannot be read.
            Stopped: if a signal arrives.
        """
        try:
            account_id = self._pool.run(self._api.get_account_id)
            next(self._pool.iterate(self._api.list_threads(archived=False)))
        finally:
            self._transport.close()
        limit = self._client.limit
        parts = [
            f"account {account_id}" if account_id else "account unknown (HubSpot omits its ID)",
            "scope conversations.read",
            f"rate limit {limit.maximum:,} calls/{limit.interval:g} s",
            *self._progress.describe_quota(),
        ]
        LOG.info("Connection OK: %s", ", ".join(parts))

    def _make_client(self) -> Client:
        settings, clock, wait = self._settings, self._runtime.clock, self._stop.wait
        retry = Retry(settings.max_attempts, wait, self._warn)
        limit = RateLimit(
            fixed=settings.max_requests_per_10s,
            reserve_percent=settings.daily_quota_reserve_percent,
            clock=clock,
            wait=wait,
        )
        connection = Connection(
            settings.api_url,
            conversations_path=BASE_PATHS[settings.api_version],
            user_agent=settings.user_agent,
            timeout=settings.request_timeout,
            max_concurrency=settings.max_concurrency,
        )
        credentials: Credentials = StaticCredentials(settings.access_token)
        if settings.oauth:
            endpoint = TokenEndpoint(connection, self._transport, retry, clock)
            credentials = OAuthCredentials(settings.oauth, endpoint.request_token, clock)
        return Client(
            connection,
            self._transport,
            credentials,
            limit=limit,
            retry=retry,
            clock=HubSpotClock(clock),
        )

    def _warn(self, message: str) -> None:
        """Log a warning about a retry, unless the sync has ended.

        A worker thread may still retry a request after the sync has ended.
        """
        if not self._is_over:
            LOG.warning(message)

    def _while_waiting(self) -> None:
        self._stop.check()
        self._progress.tick()
        sys.stdout.flush()  # so that the target can load the records during the wait


def build_sync(
    api: HubSpotApi,
    pool: WorkerPool,
    settings: Settings,
    selection: Selection,
    *,
    ids: Iterable[str] | None,
    bookmarks: Mapping[str, Any],
) -> Sync | None:
    """Return the sync for the selected streams; None if only `deleted_threads` is selected.

    A sync detects deletions only while it reads `threads`, `messages` or `actors`. If none of these
    is selected, `deleted_threads` gets no records.

    Args:
        api: The API.
        pool: Runs the API calls on worker threads.
        settings: The settings.
        selection: The selected streams.
        ids: The configured thread IDs. None: sync the whole account.
        bookmarks: See `App.sync`.
    """
    if not (selection.needs_threads or selection.thread_index or selection.reference_lists):
        return None
    load_state = partial(
        SyncState,
        filters=settings.threads.as_text(),
        emits_rows=selection.threads or not selection.needs_threads,
        with_messages=selection.messages,
    )
    if ids is not None:
        context = SyncContext(settings, selection, load_state({}))
        pipeline = ThreadPipeline(api, pool, context, build_children(api, pool, context))
        return Sync(ConfiguredIdsSync(ids, api, pool, pipeline, context).run(), context)
    state = load_state(bookmarks)
    failures = Failures(state.failed, state.messages.pending)
    context = SyncContext(settings, selection, state, failures=failures)
    if not selection.needs_threads:
        return Sync(ReferenceSync(api, pool, context).run(), context)
    if state.filters_changed:
        LOG.info(
            "inbox_ids, include_archived or start_date has changed; listing the whole account again"
        )
    elif state.bookmark is None:
        LOG.info("No bookmark found; starting the first sync of the account")
    elif state.is_first_listing and state.listing.started_at is not None:
        LOG.info("Resuming the first sync of the account")
    pipeline = ThreadPipeline(api, pool, context, build_children(api, pool, context))
    account = AccountSync(api, pool, pipeline, context)
    return Sync(account.run(), context, account.bookmarks)


def build_children(api: HubSpotApi, pool: WorkerPool, context: SyncContext) -> list[ChildStream]:
    """Return the selected child streams: `messages`, and then `actors`.

    `ThreadPipeline` inserts the records of the child streams in this order. Messages come before
    actors, because `Actors` also reads the actors that messages name.
    """
    children: list[ChildStream] = []
    if context.selection.messages:
        children.append(Messages(api, pool, context))
    if context.selection.actors:
        children.append(Actors(api, pool, context.failures.actors))
    return children
