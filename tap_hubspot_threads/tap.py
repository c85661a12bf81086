"""The tap class that the SDK expects: settings, catalog, state and streams. `app` runs the sync."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from singer_sdk import Tap
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from tap_hubspot_threads.app import CONNECTION_ATTEMPTS, App, Runtime
from tap_hubspot_threads.models import Selection
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS
from tap_hubspot_threads.settings.base_tap import CheckedTap
from tap_hubspot_threads.settings.settings import Settings
from tap_hubspot_threads.settings.thread_ids import ConfiguredIds
from tap_hubspot_threads.signals import Stop
from tap_hubspot_threads.singer.stdout import MessageWriter, Output
from tap_hubspot_threads.singer.streams import (
    ActorsStream,
    DeletedThreadsStream,
    MessagesStream,
    ReferenceListStream,
    ThreadIndexStream,
    ThreadsStream,
)
from tap_hubspot_threads.sync.state.validation import check_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from singer_sdk import Stream
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_hubspot_threads.singer.row_to_record import HubSpotStream

T = TypeVar("T")


class TapHubSpotThreads(CheckedTap):
    """Singer tap for HubSpot conversation threads."""

    name = "tap-hubspot-threads"
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        capability
        for capability in Tap.capabilities
        if capability.value not in {"activate-version", "batch"}
    ]

    message_writer_class = MessageWriter
    runtime: ClassVar[Runtime] = Runtime()

    @override
    def check(self) -> None:
        if self._ids is not None:
            self._ids.check()
        if self.input_catalog and not self._selected:
            self.logger.warning("No stream is selected in the catalog, so nothing is synced")
        for warning in self.catalog_warnings():
            self.logger.warning(warning)
        if "messages" in self._selected:
            self.logger.info("Columns of %s", self.describe_columns("messages"))
        needs_threads = Selection.of(self._selected).needs_threads
        if "deleted_threads" in self._selected and not needs_threads:
            message = "deleted_threads detects no deletion without the stream threads; select both"
            self.logger.warning(message)

    @override
    def _setup_signal_handlers(self) -> None:
        """Install the tap's own signal handlers. The SDK's handlers would exit with code 0."""
        self._stop.listen()
        if isinstance(sys.stdout, Output):
            sys.stdout.check = self._stop.check

    @cached_property
    def _stop(self) -> Stop:
        return Stop()

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        check_state(state)
        super().load_state(state)

    @override
    def discover_streams(self) -> list[Stream]:
        deleted_threads = DeletedThreadsStream(self)
        # If IDs are configured, deleted_threads is not selected by default, because a configured ID
        # that HubSpot does not have may be a typo.
        deleted_threads.selected_by_default = self._ids is None
        return [
            ThreadsStream(self),
            deleted_threads,
            ThreadIndexStream(self),
            MessagesStream(self),
            ActorsStream(self),
            *(ReferenceListStream(self, entry) for entry in REFERENCE_LISTS),
        ]

    @cached_property
    def _ids(self) -> ConfiguredIds | None:
        names = ("thread_ids", "thread_ids_file")
        is_configured = any(self.config.get(name) is not None for name in names)
        return ConfiguredIds(self.config, call=self._call) if is_configured else None

    def _call(self, function: Callable[[], T]) -> T:
        """Call a function that may block for a long time. A signal ends the wait."""
        return self.runtime.workers(1, self._stop.check).run(function)

    @property
    def _selected(self) -> dict[str, HubSpotStream]:
        streams = cast("dict[str, HubSpotStream]", self.streams)
        return {name: stream for name, stream in streams.items() if stream.selected}

    @override  # type: ignore[misc] # final in the SDK, which syncs the streams one after another
    def sync_all(self) -> None:
        """Sync all selected streams in one loop."""
        self._sync()

    @override  # type: ignore[misc] # final in the SDK, which syncs the streams one after another
    def run_sync_dry_run(
        self,
        dry_run_record_limit: int | None = 1,
        streams: Iterable[Stream] | None = None,
    ) -> bool:
        for stream in self.streams.values() if streams is None else streams:
            stream.selected = True
        self._sync(max_records=dry_run_record_limit)
        return True

    @override  # type: ignore[misc] # final in the SDK
    def run_connection_test(self) -> bool:
        """Check with a few API calls that the token can read threads. If not, raise an error.

        The SDK's method would run a sync instead.
        """
        settings = self._settings
        attempts = min(settings.max_attempts, CONNECTION_ATTEMPTS)
        App(replace(settings, max_attempts=attempts), self.runtime, self._stop).test_connection()
        return True

    def _sync(self, *, max_records: int | None = None) -> None:
        selected = self._selected
        if not selected:
            return
        bookmarks = self.state.get("bookmarks", {})
        # FULL_TABLE in the catalog means that every sync reads the whole account.
        is_full = self.streams["threads"].replication_method == REPLICATION_FULL_TABLE
        App(self._settings, self.runtime, self._stop).sync(
            selected,
            ids=self._ids,
            initial_state=self.state,
            bookmarks={} if is_full else bookmarks,
            write_state=lambda state: self.write_message(StateMessage(value=state)),
            max_records=max_records,
        )

    @property
    def _settings(self) -> Settings:
        return Settings.from_config(self.config, user_agent=f"{self.name}/{self.plugin_version}")
