"""One run of the command: the parts, put to work, and what one sees of it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.hubspot.api import PAGE_SIZE, Api
from tap_hubspot_threads.hubspot.auth import AccessToken, RefreshToken, TokenEndpoint
from tap_hubspot_threads.hubspot.client import Client
from tap_hubspot_threads.hubspot.clock import HubSpotClock
from tap_hubspot_threads.hubspot.limits.rate_limit import RateLimit
from tap_hubspot_threads.hubspot.retry import Retry
from tap_hubspot_threads.hubspot.transport import HttpTransport
from tap_hubspot_threads.models import Selection
from tap_hubspot_threads.settings.settings import Options, ThreadFilter
from tap_hubspot_threads.singer.base_stream import SCHEMAS
from tap_hubspot_threads.singer.progress import Progress, misfits
from tap_hubspot_threads.singer.writer import STATE_INTERVAL, EventWriter
from tap_hubspot_threads.sync.account import AccountSync
from tap_hubspot_threads.sync.children.actors import Actors
from tap_hubspot_threads.sync.children.messages import Messages
from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
from tap_hubspot_threads.sync.configured import ConfiguredSync
from tap_hubspot_threads.sync.phases.reference_lists import ListsSync, ReferenceLists
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.sync.stats import Read

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from tap_hubspot_threads.hubspot.auth import Credentials
    from tap_hubspot_threads.hubspot.transport import Transport
    from tap_hubspot_threads.models import ChildStream, HubSpot, Out, Sync
    from tap_hubspot_threads.settings.thread_ids import ConfiguredIds
    from tap_hubspot_threads.signals import Stop
    from tap_hubspot_threads.singer.base_stream import HubSpotStream


@dataclass(frozen=True)
class Runtime:
    """What the tap runs on. A test hands in another one."""

    transport: Callable[[Mapping[str, Any]], Transport] = lambda config: HttpTransport(
        config["api_url"], connections=config["max_concurrency"]
    )
    """Makes the way to HubSpot, from the settings."""
    workers: type[WorkerPool] = WorkerPool
    clock: Callable[[], float] = time.monotonic
    """Monotonic seconds."""
    page_size: int = PAGE_SIZE
    state_interval: float = STATE_INTERVAL


def make_client(
    config: Mapping[str, Any],
    *,
    transport: Transport,
    user_agent: str,
    clock: Callable[[], float],
    wait: Callable[[float], None],
    warn: Callable[[str], None],
) -> Client:
    """Make what asks HubSpot.

    Args:
        config: The settings.
        transport: The way to HubSpot.
        user_agent: The header of that name.
        clock: Monotonic seconds.
        wait: Waits some seconds; may raise.
        warn: Writes a warning.
    """
    retry = Retry(tries=config["max_attempts"], wait=wait, warn=warn)
    limit = RateLimit(
        fixed=config.get("rate_limit"),
        reserve_percent=config["daily_quota_reserve_percent"],
        clock=clock,
        wait=wait,
    )
    return Client(
        _host(config),
        transport=transport,
        credentials=_credentials(config, transport=transport, retry=retry, clock=clock),
        limit=limit,
        retry=retry,
        most_in_flight=config["max_concurrency"],
        timeout=config["request_timeout"],
        user_agent=user_agent,
        clock=HubSpotClock(clock),
    )


def make_api(
    config: Mapping[str, Any],
    client: Client,
    *,
    page_size: int,
    warn: Callable[[str], None],
) -> Api:
    """Make the account's methods as the settings want them asked."""
    return Api(
        client,
        version=config["api_version"],
        schema=SCHEMAS.get_schema,
        associations=config["associations"],
        further_property=config.get("property"),
        inbox_id=ThreadFilter.of(config).inbox_id,
        page_size=page_size,
        warn=warn,
    )


def _host(config: Mapping[str, Any]) -> str:
    return str(config["api_url"]).rstrip("/")


def _credentials(
    config: Mapping[str, Any],
    *,
    transport: Transport,
    retry: Retry,
    clock: Callable[[], float],
) -> Credentials:
    if not config.get("refresh_token"):
        return AccessToken(config.get("access_token") or "")
    endpoint = TokenEndpoint(
        _host(config),
        transport=transport,
        retry=retry,
        timeout=config["request_timeout"],
        clock=clock,
    )
    form = {name: config[name] for name in ("client_id", "client_secret", "refresh_token")}
    return RefreshToken(form, ask=endpoint.ask, clock=clock)


CONNECTION_TRIES = 2
"""A test of the connection is to be quick; a page is still requested twice in each size."""


class Run:
    """Reads an account once, or looks whether it could be read.

    Args:
        config: The settings.
        machine: What it runs on.
        stop: Whether it is to stop.
        user_agent: The header of that name.
        log: Where a person reads of it.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        runtime: Runtime,
        stop: Stop,
        user_agent: str,
        log: logging.Logger,
    ) -> None:
        self._config, self._machine, self._stop, self._log = config, runtime, stop, log
        self._is_over = False
        self._transport = runtime.transport(config)
        self._client = make_client(
            config,
            transport=self._transport,
            user_agent=user_agent,
            clock=runtime.clock,
            wait=stop.wait,
            warn=self._warn,
        )
        self._progress = Progress(runtime.clock, log.info, self._client)
        self._workers = runtime.workers(config["max_concurrency"], self._while_waiting)

    def sync(
        self,
        streams: Mapping[str, HubSpotStream],
        *,
        ids: ConfiguredIds | None,
        given: Mapping[str, Any],
        bookmarks: Mapping[str, Any],
        write_state: Callable[[dict[str, Any]], None],
        most: int | None = None,
    ) -> None:
        """Write what the streams' rows are; the sum of it is logged last, even when it fails.

        Args:
            streams: Those that are selected, by name.
            ids: The threads that the settings name; None: the account is read.
            given: The state that the tap was given.
            bookmarks: What a sync of the account goes on from, by stream.
            write_state: Writes a STATE message.
            most: End after so many rows.

        Raises:
            HubSpotError: as `EventWriter.run` does.
            Stopped: likewise.
        """
        sync = self._make_sync(streams, ids=ids, bookmarks=bookmarks)
        loop = EventWriter(
            streams,
            given=given,
            write_state=write_state,
            stop=self._stop,
            progress=self._progress,
            state_interval=self._machine.state_interval,
        )
        self._log.info("Reading %s", ", ".join(streams))
        try:
            loop.run(sync, most=most)
            self._progress.is_complete = True
        finally:
            self._is_over = True
            self._transport.close()
            self._progress.log_metrics()
            if self._progress.misfits:
                self._log.warning("%s", misfits(self._progress.misfits))
            self._log.info(
                self._progress.summary(loop.kept), extra=self._progress.fields(loop.kept)
            )

    def test_connection(self) -> None:
        """Request the account and a page of threads, as a sync does, and log what is known then.

        Raises:
            HubSpotError: if that cannot be read.
        """
        api = make_api(
            self._config,
            self._client,
            page_size=self._machine.page_size,
            warn=self._log.warning,
        )
        try:
            number = self._workers.call(api.account_number)
            self._workers.call(partial(api.page_by_id, None, archived=False))
        finally:
            self._transport.close()
        limit = self._client.limit
        words = [
            f"account {number}" if number else "HubSpot does not say which account it is",
            "threads can be read (scope conversations.read)",
            f"{limit.maximum} calls in {limit.interval:g} s",
            *self._progress.quota_left(),
        ]
        self._log.info("The connection works: %s", ", ".join(words))

    def _make_sync(
        self,
        streams: Mapping[str, HubSpotStream],
        *,
        ids: ConfiguredIds | None,
        bookmarks: Mapping[str, Any],
    ) -> Sync | None:
        messages = streams.get("messages")
        wants_text = messages is not None and messages.has_column("text", "richText")
        sync = make_sync(
            self._config,
            hubspot=make_api(
                self._config,
                self._client,
                page_size=self._machine.page_size,
                warn=self._log.warning,
            ),
            workers=self._workers,
            ids=ids,
            selected=streams,
            with_originals=self._config["original_content"] and wants_text,
            bookmarks=bookmarks,
            clock=self._machine.clock,
            log=self._log,
        )
        self._progress.total = ids.total if ids else None
        self._progress.since = (
            None if ids else bookmarks.get("threads", {}).get("replication_key_value")
        )
        if sync:
            self._progress.read = sync.read
        return sync

    def _warn(self, message: str) -> None:
        """Warn of a request that is tried again; but what still goes on has not the last word."""
        if not self._is_over:
            self._log.warning(message)

    def _while_waiting(self) -> None:
        self._stop.check()
        self._progress.tick()
        sys.stdout.flush()  # what there is goes out before a wait


def make_sync(
    config: Mapping[str, Any],
    *,
    hubspot: HubSpot,
    workers: WorkerPool,
    ids: Iterable[str] | None,
    selected: Collection[str],
    with_originals: bool,
    bookmarks: Mapping[str, Any],
    clock: Callable[[], float],
    log: logging.Logger,
) -> Sync | None:
    """Make the sync that the settings and the selection want; None: there is nothing to read.

    Args:
        config: The settings.
        hubspot: The account.
        workers: Who reads it.
        ids: The threads that the settings name; None: the account is read.
        selected: The streams' names.
        with_originals: Whether the whole text of messages is read.
        bookmarks: What the last sync of the account kept, by stream.
        clock: Monotonic seconds.
        log: Is told what a person should know.
    """
    selection, wanted = Selection.of(selected), ThreadFilter.of(config)
    if not (selection.of_threads or selection.thread_index or selection.listed):
        return None
    kept = SyncState(
        {} if ids is not None else bookmarks,
        wanted=wanted.fingerprint(),
        rows_go_out=selection.threads or not selection.of_threads,
        with_messages=selection.messages,
    )
    read = Read(kept.failed, kept.messages.failed, log=log)
    lists = ReferenceLists(hubspot, workers, selection.listed, log=log)
    behind = _behind(hubspot, workers, kept, read, selection, with_originals=with_originals)
    if ids is not None:
        return ConfiguredSync(
            hubspot,
            workers,
            read,
            ids=ids,
            behind=behind,
            lists=lists,
            selection=selection,
            log=log,
        )
    if not selection.of_threads:
        index = wanted if selection.thread_index else None
        return ListsSync(hubspot, workers, kept, lists=lists, index=index, log=log)
    if kept.is_reset:
        log.info("inbox_ids, include_archived or start_date has changed: all is listed anew")
    elif kept.bookmark is None and kept.listing.started_at is None:
        log.info("There is no bookmark yet: the whole account is listed first")
    elif kept.bookmark is None:
        log.info("The first listing of the whole account goes on where it was")
    return AccountSync(
        hubspot,
        workers,
        kept,
        read,
        behind=behind,
        lists=lists,
        wanted=wanted,
        options=Options.of(config),
        selection=selection,
        clock=clock,
        log=log,
    )


def _behind(
    hubspot: HubSpot,
    workers: WorkerPool,
    kept: SyncState,
    read: Read,
    selection: Selection,
    *,
    with_originals: bool,
) -> ChildStream:
    """Make what hangs on threads, as far as it is selected: messages, then actors."""
    stages: list[ChildStream] = []
    if selection.messages:
        stages.append(
            Messages(hubspot, workers, kept.messages, read, with_originals=with_originals)
        )
    if selection.actors:
        stages.append(Actors(hubspot, workers, read))

    def behind(outs: Iterable[Out], /) -> Iterator[Out]:
        for stage in stages:
            outs = stage(outs)
        yield from outs

    return behind
