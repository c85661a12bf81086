"""From the settings to the parts that work together: the machine, and the account."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.hubspot.api import PAGE_SIZE, Api
from tap_hubspot_threads.hubspot.auth import AccessToken, RefreshToken
from tap_hubspot_threads.hubspot.client import Client
from tap_hubspot_threads.hubspot.clock import HubSpotClock
from tap_hubspot_threads.hubspot.rate_limit import RateLimit
from tap_hubspot_threads.hubspot.retry import Retry
from tap_hubspot_threads.hubspot.token_endpoint import TokenEndpoint
from tap_hubspot_threads.hubspot.transport import HttpTransport
from tap_hubspot_threads.streams.base import SCHEMAS
from tap_hubspot_threads.streams.loop import STATE_INTERVAL
from tap_hubspot_threads.sync.wanted import Wanted
from tap_hubspot_threads.sync.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.auth import Credentials
    from tap_hubspot_threads.hubspot.transport import Transport


@dataclass(frozen=True)
class Machine:
    """What the tap runs on. A test hands in another one."""

    transport: Callable[[Mapping[str, Any]], Transport] = lambda config: HttpTransport(
        config["api_url"], connections=config["max_concurrency"]
    )
    """Makes the way to HubSpot, from the settings."""
    workers: type[Workers] = Workers
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
        inbox_id=Wanted.of(config).inbox_id,
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
