"""The tap: its settings and its streams."""

from __future__ import annotations

import threading
import time
from copy import deepcopy
from functools import cached_property
from os import environ
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from typing_extensions import override

from tap_hubspot_threads import retry
from tap_hubspot_threads.auth import (
    TOKEN_PATH,
    RefreshTokenAuthenticator,
    TokenAuthenticator,
    token_answer,
)
from tap_hubspot_threads.client import Shared
from tap_hubspot_threads.configured_ids import ConfiguredIds
from tap_hubspot_threads.deleted_threads import DeletedThreadsStream
from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.inputs import (
    check_catalog_file,
    check_config_file,
    check_environment,
    check_log_level,
    check_state_file,
    settings_in,
    unknown_settings,
    without_value,
)
from tap_hubspot_threads.progress import Progress
from tap_hubspot_threads.rate_limit import RateLimit
from tap_hubspot_threads.setting_checks import check_secrets, check_settings
from tap_hubspot_threads.settings import SETTINGS
from tap_hubspot_threads.state import check_state
from tap_hubspot_threads.stopping import Stop
from tap_hubspot_threads.thread_index import ThreadIndexStream
from tap_hubspot_threads.threads import ThreadsStream
from tap_hubspot_threads.transport import Transport
from tap_hubspot_threads.writer import MessageWriter

if TYPE_CHECKING:
    import click
    import requests
    from singer_sdk import Stream
    from singer_sdk.helpers.capabilities import CapabilitiesEnum


PREFIX = "TAP_HUBSPOT_THREADS_"


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
    clock = staticmethod(time.monotonic)

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
        if self.input_catalog and not any(stream.selected for stream in self.streams.values()):
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
        limit = RateLimit(
            fixed=self.config.get("rate_limit"),
            reserve_percent=self.config["daily_quota_reserve_percent"],
            clock=self.clock,
            wait=self._stop.wait,
        )
        progress = Progress(
            clock=self.clock,
            log=self.logger.info,
            quota=lambda: (limit.daily_left, limit.daily),
        )
        concurrency = self.config["max_concurrency"]
        transport = Transport(
            self.config["api_url"],
            connections=concurrency,
            timeout=self.config["request_timeout"],
        )
        shared = Shared(
            transport=transport,
            credentials=self._make_credentials(transport),
            in_flight=threading.Semaphore(concurrency),
            limit=limit,
            stop=self._stop,
            progress=progress,
            ids=self._ids,
        )
        index = ThreadIndexStream(self, shared)
        threads = ThreadsStream(self, shared, index=index)
        return [index, threads, DeletedThreadsStream(self, shared, threads=threads)]

    @cached_property
    def _ids(self) -> ConfiguredIds | None:
        names = ("thread_ids", "thread_ids_file")
        is_configured = any(self.config.get(name) is not None for name in names)
        return ConfiguredIds(self.config) if is_configured else None

    def _make_credentials(
        self, transport: Transport
    ) -> TokenAuthenticator | RefreshTokenAuthenticator:
        if not self.config.get("refresh_token"):
            return TokenAuthenticator(token=self.config.get("access_token") or "")

        def attempt(request: requests.PreparedRequest) -> tuple[dict[str, Any], float]:
            asked_at = self.clock()
            return token_answer(transport.send(request, endpoint=TOKEN_PATH)), asked_at

        def ask(request: requests.PreparedRequest) -> tuple[dict[str, Any], float]:
            return retry.attempts(
                lambda: attempt(request),
                tries=self.config["max_attempts"],
                seconds_to_wait=retry.seconds_to_wait,
                wait=self._stop.wait,
                warn=self.logger.warning,
            )

        return RefreshTokenAuthenticator(self.config, clock=self.clock, ask=ask)

    @cached_property
    @override
    def streams(self) -> dict[str, Stream]:
        """The streams by name, but what is gone behind what is there: it is known then."""
        streams = super().streams
        streams["deleted_threads"] = streams.pop("deleted_threads")
        return streams
