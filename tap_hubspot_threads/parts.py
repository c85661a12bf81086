"""From the settings to the parts that work together: the account, and a sync of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.hubspot.api import PAGE_SIZE, Api
from tap_hubspot_threads.hubspot.auth import AccessToken, RefreshToken
from tap_hubspot_threads.hubspot.cleaning import RowCleaner
from tap_hubspot_threads.hubspot.client import Client
from tap_hubspot_threads.hubspot.rate_limit import RateLimit
from tap_hubspot_threads.hubspot.retry import Retry
from tap_hubspot_threads.hubspot.token_endpoint import TokenEndpoint
from tap_hubspot_threads.hubspot.transport import HttpTransport
from tap_hubspot_threads.streams.base import SCHEMAS
from tap_hubspot_threads.streams.loop import STATE_INTERVAL
from tap_hubspot_threads.sync.account import AccountSync
from tap_hubspot_threads.sync.configured import ConfiguredSync
from tap_hubspot_threads.sync.index import IndexSync
from tap_hubspot_threads.sync.kept import Kept
from tap_hubspot_threads.sync.options import Options
from tap_hubspot_threads.sync.wanted import Wanted
from tap_hubspot_threads.sync.workers import Workers

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping

    from tap_hubspot_threads.hubspot.auth import Credentials
    from tap_hubspot_threads.hubspot.transport import Transport
    from tap_hubspot_threads.settings.configured_ids import ConfiguredIds
    from tap_hubspot_threads.sync.out import Sync


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
    )


def make_api(
    config: Mapping[str, Any], client: Client, *, page_size: int, warn: Callable[[str], None]
) -> Api:
    """Make the account's methods as the settings want them asked."""
    return Api(
        client,
        version=config["api_version"],
        threads=RowCleaner(SCHEMAS.get_schema("threads")),
        associations=config["associations"],
        further_property=config.get("property"),
        inbox_id=Wanted.of(config).inbox_id,
        page_size=page_size,
        warn=warn,
    )


def make_sync(
    config: Mapping[str, Any],
    *,
    api: Api,
    workers: Workers,
    ids: ConfiguredIds | None,
    selected: Collection[str],
    state: Mapping[str, Any],
    clock: Callable[[], float],
    log: logging.Logger,
) -> Sync | None:
    """Make the sync that the settings and the selection want; None: there is nothing to read.

    Args:
        config: The settings.
        api: The account.
        workers: Who reads it.
        ids: The threads that the settings name; None: the account is read.
        selected: The streams' names.
        state: What the last sync of the account kept.
        clock: Monotonic seconds.
        log: Is told what a person should know.
    """
    if ids is not None:
        return ConfiguredSync(api, workers, ids, log=log) if "threads" in selected else None
    wanted = Wanted.of(config)
    if "threads" not in selected:
        is_listed = "thread_index" in selected
        return IndexSync(api, workers, wanted=wanted) if is_listed else None
    kept = Kept(state, wanted=wanted.fingerprint())
    if kept.is_reset:
        log.info("inbox_ids, include_archived or start_date has changed: all is listed anew")
    elif kept.bookmark is None:
        log.info("There is no bookmark yet: the whole account is listed first")
    return AccountSync(
        api,
        workers,
        kept,
        wanted=wanted,
        options=Options.of(config),
        is_indexed="thread_index" in selected,
        clock=clock,
        log=log,
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
