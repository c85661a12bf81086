"""One run of the command: the parts, put to work, and what one sees of it."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.parts import make_api, make_client
from tap_hubspot_threads.streams.loop import Loop
from tap_hubspot_threads.streams.progress import Progress
from tap_hubspot_threads.streams.words import misfits
from tap_hubspot_threads.sync.making import make_sync

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.parts import Machine
    from tap_hubspot_threads.settings.configured_ids import ConfiguredIds
    from tap_hubspot_threads.stopping import Stop
    from tap_hubspot_threads.streams.base import HubSpotStream
    from tap_hubspot_threads.sync.out import Sync

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
        machine: Machine,
        stop: Stop,
        user_agent: str,
        log: logging.Logger,
    ) -> None:
        self._config, self._machine, self._stop, self._log = config, machine, stop, log
        self._is_over = False
        self._transport = machine.transport(config)
        self._client = make_client(
            config,
            transport=self._transport,
            user_agent=user_agent,
            clock=machine.clock,
            wait=stop.wait,
            warn=self._warn,
        )
        self._progress = Progress(machine.clock, log.info, self._client)
        self._workers = machine.workers(config["max_concurrency"], self._while_waiting)

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
            HubSpotError: as `Loop.run` does.
            Stopped: likewise.
        """
        sync = self._make_sync(streams, ids=ids, bookmarks=bookmarks)
        loop = Loop(
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
