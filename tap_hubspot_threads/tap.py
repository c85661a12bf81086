"""The tap: from the settings to the parts, from the parts to the streams."""

from __future__ import annotations

import sys
from copy import deepcopy
from functools import cached_property
from os import environ
from typing import TYPE_CHECKING, Any, ClassVar, TextIO, cast

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from tap_hubspot_threads.contract import SettingsError
from tap_hubspot_threads.parts import Machine, make_api, make_client, make_sync
from tap_hubspot_threads.settings.checks import check_secrets, check_settings
from tap_hubspot_threads.settings.configured_ids import ConfiguredIds
from tap_hubspot_threads.settings.definitions import SETTINGS
from tap_hubspot_threads.settings.inputs import (
    PREFIX,
    check_catalog_file,
    check_config_file,
    check_environment,
    check_log_level,
    check_state_file,
    settings_in,
    unknown_settings,
    without_value,
)
from tap_hubspot_threads.stopping import Stop
from tap_hubspot_threads.streams.loop import Loop
from tap_hubspot_threads.streams.progress import Progress
from tap_hubspot_threads.streams.threads import (
    DeletedThreadsStream,
    ThreadIndexStream,
    ThreadsStream,
)
from tap_hubspot_threads.streams.writer import MessageWriter
from tap_hubspot_threads.sync.kept_check import check_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from singer_sdk import Stream
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_hubspot_threads.hubspot.client import Client
    from tap_hubspot_threads.streams.base import HubSpotStream
    from tap_hubspot_threads.sync.out import Sync


class TapHubSpotThreads(Tap):
    """Singer tap for HubSpot conversation threads."""

    name = "tap-hubspot-threads"
    config_jsonschema: ClassVar[dict[str, Any]] = deepcopy(SETTINGS)  # the SDK adds its own
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        capability
        for capability in Tap.capabilities
        if capability not in {TapCapabilities.ACTIVATE_VERSION, PluginCapabilities.BATCH}
    ]

    message_writer_class = MessageWriter
    machine: ClassVar[Machine] = Machine()

    def __init__(
        self,
        *,
        config: Any = None,  # noqa: ANN401 - the SDK's own
        parse_env_config: bool = False,
        validate_config: bool = True,
        setup_mapper: bool = True,
        **kwargs: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """Check the settings, all of them before the first request; null means not set.

        Args:
            config: As the SDK's.
            parse_env_config: Likewise.
            validate_config: Likewise.
            setup_mapper: Likewise.
            kwargs: As the SDK's.

        Raises:
            SettingsError: if a setting cannot be right; in one line, without a secret.
        """
        if isinstance(config, dict):
            config = {name: value for name, value in config.items() if value is not None}
            check_secrets(config)
        self._stop = Stop()
        names = {*(config or ()), *(settings_in(environ, PREFIX) if parse_env_config else ())}
        try:
            super().__init__(
                config=config,
                parse_env_config=parse_env_config,
                validate_config=validate_config,
                setup_mapper=False,
                **kwargs,
            )
        except (AttributeError, ConfigValidationError, ValueError) as error:
            raise self._explain(error, with_environment=parse_env_config) from None
        check_secrets(self.config)
        if setup_mapper:
            self._check_maps()
        for line in unknown_settings(sorted(names), self.config_jsonschema):
            self.logger.warning(line)
        if parse_env_config:
            check_environment(self.config_jsonschema, PREFIX, environ)
        if validate_config:
            self._check()

    def _check(self) -> None:
        """Check what the SDK does not, and the ids of a file, before the first request."""
        check_settings(self.config)
        if self._ids is not None:
            self._ids.check()
        if self.input_catalog and not self._selected:
            self.logger.warning("No stream is selected in the catalog: there is nothing to do")

    def _explain(self, error: Exception, *, with_environment: bool) -> Exception:
        """Return an error of the SDK's in one line that names a setting or variable."""
        check_log_level(PREFIX, environ)  # once more: a file .env may have been read
        if with_environment:
            check_environment(self.config_jsonschema, PREFIX, environ)
        if isinstance(error, ConfigValidationError):
            return SettingsError("; ".join(map(without_value, error.errors)))
        if isinstance(error, UnicodeDecodeError):
            return SettingsError("The file .env is not in UTF-8")
        if isinstance(error, AttributeError) and "stream_maps" in (self._config or {}):
            return SettingsError("stream_maps: not of the form that the SDK knows")
        return error

    def _check_maps(self) -> None:
        try:
            self.setup_mapper()
        except (MappingError, NotImplementedError) as error:
            message = f"stream_maps: {error}"
            raise SettingsError(message) from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            message = f"stream_maps or flattening: {error}"
            raise SettingsError(message) from None

    @override
    def setup_mapper(self) -> None:
        """Make the stream maps; of streams that are not selected too, by their whole schema.

        The SDK's own takes a stream that is not selected for one without columns, and then misses
        its key, for which a map of all streams (`*`) fails. Keys come out selected in any case.
        """
        super(Tap, self).setup_mapper()
        for stream in self.streams.values():
            stream.mask.update({("properties", key): True for key in stream.primary_keys})
            schema = deepcopy(stream.schema)
            if stream.selected:
                schema = get_selected_schema(stream.name, schema, stream.mask)
            self.mapper.register_raw_stream_schema(stream.name, schema, stream.primary_keys)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        for path in value:
            if path != "ENV":
                check_config_file(path)
        return super().cb_config(ctx, param, value)

    @classmethod
    @override
    def invoke(  # type: ignore[override] # as the SDK's own
        cls, *, state: TextIO | None = None, catalog: TextIO | None = None, **kwargs: Any
    ) -> None:
        state, catalog = check_state_file(state), check_catalog_file(catalog)
        super().invoke(state=state, catalog=catalog, **kwargs)

    @override
    def _setup_signal_handlers(self) -> None:
        """Listen from the start; private to the SDK, whose own handlers exit with 0."""
        self._stop.listen()

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        check_state(state)
        super().load_state(state)

    @override
    def discover_streams(self) -> list[Stream]:
        deleted_threads = DeletedThreadsStream(self)
        # A configured id that is missing was perhaps never a thread's.
        deleted_threads.selected_by_default = self._ids is None
        return [ThreadsStream(self), deleted_threads, ThreadIndexStream(self)]

    @cached_property
    def _ids(self) -> ConfiguredIds | None:
        names = ("thread_ids", "thread_ids_file")
        is_configured = any(self.config.get(name) is not None for name in names)
        return ConfiguredIds(self.config) if is_configured else None

    @property
    def _selected(self) -> dict[str, HubSpotStream]:
        streams = cast("dict[str, HubSpotStream]", self.streams)
        return {name: stream for name, stream in streams.items() if stream.selected}

    @override  # type: ignore[misc] # final: the SDK's would sync one stream after the other
    def sync_all(self) -> None:
        """Read all streams that are selected, in one loop."""
        self._run()

    @override  # type: ignore[misc] # final, likewise
    def run_sync_dry_run(
        self,
        dry_run_record_limit: int | None = 1,
        streams: Iterable[Stream] | None = None,
    ) -> bool:
        for stream in self.streams.values() if streams is None else streams:
            stream.selected = True
        self._run(most=dry_run_record_limit)
        return True

    def _run(self, *, most: int | None = None) -> None:
        """Sync; the sum of it is logged last, even when it fails.

        Args:
            most: End after so many rows.
        """
        selected = self._selected
        if not selected:
            return
        machine = self.machine
        transport = machine.transport(self.config)
        client = make_client(
            self.config,
            transport=transport,
            user_agent=self.config.get("user_agent") or f"{self.name}/{self.plugin_version}",
            clock=machine.clock,
            wait=self._stop.wait,
            warn=self.logger.warning,
        )
        progress = Progress(machine.clock, self.logger.info, client)
        sync = self._make_sync(client, progress, selected)
        loop = Loop(
            selected,
            given=self.state,
            write_state=lambda state: self.write_message(StateMessage(value=state)),
            stop=self._stop,
            progress=progress,
            state_interval=machine.state_interval,
        )
        self.logger.info("Reading %s", ", ".join(selected))
        try:
            loop.run(sync, most=most)
        finally:
            transport.close()
            if client.calls:
                self.logger.info(progress.summary(loop.kept.get("full_listing_completed_at")))
                progress.log_metrics(self.streams["threads"].metrics_logger, stream="threads")

    def _make_sync(
        self, client: Client, progress: Progress, selected: dict[str, HubSpotStream]
    ) -> Sync | None:
        def while_waiting() -> None:
            self._stop.check()
            progress.tick()
            sys.stdout.flush()  # what there is goes out before a wait

        if "deleted_threads" in selected and "threads" not in selected:
            message = "Only a sync of threads notices deleted threads: select that stream too"
            self.logger.warning(message)
        # Somebody who asks for FULL_TABLE wants all of it, each time.
        is_full = self.streams["threads"].replication_method == REPLICATION_FULL_TABLE
        sync = make_sync(
            self.config,
            api=make_api(
                self.config, client, page_size=self.machine.page_size, warn=self.logger.warning
            ),
            workers=self.machine.workers(self.config["max_concurrency"], while_waiting),
            ids=self._ids,
            selected=selected,
            state={} if is_full else self.state.get("bookmarks", {}).get("threads", {}),
            log=self.logger,
        )
        progress.total = self._ids.total if self._ids else None
        if sync:
            progress.read = sync.read
        return sync
