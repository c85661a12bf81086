"""The tap: its settings and its streams."""

from __future__ import annotations

import threading
import time
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import TapCapabilities
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
from tap_hubspot_threads.progress import Progress
from tap_hubspot_threads.rate_limit import RateLimit
from tap_hubspot_threads.settings import SETTINGS, check_secrets, check_settings
from tap_hubspot_threads.state import check_state
from tap_hubspot_threads.stopping import Stop
from tap_hubspot_threads.thread_index import ThreadIndexStream
from tap_hubspot_threads.threads import ThreadsStream
from tap_hubspot_threads.transport import Transport
from tap_hubspot_threads.writer import MessageWriter

if TYPE_CHECKING:
    import requests
    from singer_sdk import Stream
    from singer_sdk.helpers.capabilities import CapabilitiesEnum


class TapHubSpotThreads(Tap):
    """Singer tap for HubSpot conversation threads."""

    name = "tap-hubspot-threads"
    config_jsonschema: ClassVar[dict[str, Any]] = deepcopy(SETTINGS)  # the SDK adds its own
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        capability
        for capability in Tap.capabilities
        if capability is not TapCapabilities.ACTIVATE_VERSION
    ]

    message_writer_class = MessageWriter
    clock = staticmethod(time.monotonic)

    def __init__(self, *, config: Any = None, validate_config: bool = True, **kwargs: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Check the settings, all of them before the first request; null means not set.

        Raises:
            SettingsError: if a setting cannot be right; in one line, without a secret.
        """
        if isinstance(config, dict):
            config = {name: value for name, value in config.items() if value is not None}
            check_secrets(config)
        self._stop = Stop()
        try:
            super().__init__(config=config, validate_config=validate_config, **kwargs)
        except ConfigValidationError as error:
            raise SettingsError("; ".join(error.errors)) from None
        if validate_config:
            check_settings(self.config)
            if self._ids is not None:
                self._ids.check()

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

        def ask(request: requests.PreparedRequest) -> dict[str, Any]:
            return retry.attempts(
                lambda: token_answer(transport.send(request, endpoint=TOKEN_PATH)),
                tries=self.config["max_attempts"],
                seconds_to_wait=lambda error, scheduled: max(
                    retry.jitter(scheduled), retry.asked_for(error) or 0
                ),
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
