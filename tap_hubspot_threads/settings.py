"""The settings: what there are, and what cannot be right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_hubspot_threads.cleaning import clean_time
from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.thread_ids import InvalidIdError, parse_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PORT = 65_535
OAUTH = ("client_id", "client_secret", "refresh_token")
REFUSED = {
    "batch_config": "STATE would go out before the files of the records that it covers",
    "emit_activate_version_messages": (
        "targets would take the threads that a sync does not read for deleted"
    ),
}
"""What the SDK could do, but not for these streams, and why."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[::1\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?"
)
_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}

_ID = th.CustomType({"type": ["string", "integer"]})

SETTINGS = th.PropertiesList(
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="Token of a private app or service key with the scope conversations.read",
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="Client ID",
        description="OAuth instead of an access token: the app's client ID",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="OAuth: the app's client secret",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description="OAuth: the token that HubSpot gave when the app was installed",
    ),
    th.Property(
        "thread_ids",
        th.ArrayType(_ID),
        title="Thread IDs",
        description="Exactly these threads, by id. Present but empty: no thread, and no listing",
    ),
    th.Property(
        "thread_ids_file",
        th.StringType,
        title="Thread IDs file",
        description=(
            "Path of a file of ids, added to thread_ids: text with an id a line, or CSV with a "
            "column id, thread_id or threadId"
        ),
    ),
    th.Property(
        "inbox_ids",
        th.ArrayType(_ID),
        title="Inbox IDs",
        description="When the account is listed: only threads of these inboxes. Empty: of all",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description=(
            "When the account is listed: only threads whose latest message (or, without one, "
            "whose creation) is not older"
        ),
    ),
    th.Property(
        "thread_fetch",
        th.StringType,
        default="auto",
        allowed_values=["auto", "by_id"],
        title="Thread fetch",
        description=(
            "auto: listed threads come from the listing's pages, 500 a call. "
            "by_id: each is read by id, one a call"
        ),
    ),
    th.Property(
        "include_archived",
        th.BooleanType,
        default=True,
        title="Include archived",
        description="When the account is listed: archived threads too",
    ),
    th.Property(
        "associations",
        th.ArrayType(th.StringType),
        default=["TICKET"],
        title="Associations",
        description="What to ask HubSpot for in threadAssociations; [] for nothing",
    ),
    th.Property(
        "property",
        th.StringType,
        title="Property",
        description="A further property to ask HubSpot for; comes in otherProperties",
    ),
    th.Property(
        "refresh_open_calls",
        th.IntegerType(minimum=0, maximum=1_000_000),
        default=500,
        title="Refresh open calls",
        description=(
            "Calls a sync, at the most, to read open threads again by id, longest unread first; "
            "0: none, and no deleted_threads"
        ),
    ),
    th.Property(
        "full_listing_hours",
        th.IntegerType(minimum=1, maximum=100_000),
        default=24,
        title="Full listing hours",
        description="How often everything is listed again, to see what no message tells of",
    ),
    th.Property(
        "full_listing_calls",
        th.IntegerType(minimum=1, maximum=1_000_000),
        default=200,
        title="Full listing calls",
        description=(
            "Pages of that listing a sync, at the most; the next sync goes on. The first sync "
            "lists all"
        ),
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0, maximum=2_592_000),
        default=300,
        title="Lookback seconds",
        description="How far before the bookmark a sync looks for changes (late index, clocks)",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.hubapi.com",
        title="API URL",
        description="Base URL of the API; plain http only to this machine",
    ),
    th.Property(
        "api_version",
        th.StringType,
        default="v3",
        allowed_values=["v3", "2026-09"],
        title="API version",
        description="Version of the Conversations API",
    ),
    th.Property(
        "rate_limit",
        th.IntegerType(minimum=1, maximum=1_000_000),
        title="Rate limit",
        description=(
            "Requests per 10 s at the most; by default HubSpot's answers say how many the token has"
        ),
    ),
    th.Property(
        "daily_quota_reserve_percent",
        th.IntegerType(minimum=0, maximum=100),
        default=10,
        title="Daily quota reserve percent",
        description="Stop before less than this share of the account's calls of the day is left",
    ),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1, maximum=1_000),
        default=16,
        title="Max concurrency",
        description="Requests in flight at the most",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1, maximum=3600),
        default=60,
        title="Request timeout",
        description="Seconds to wait for an answer",
    ),
    th.Property(
        "max_attempts",
        th.IntegerType(minimum=1, maximum=1_000),
        default=8,
        title="Max attempts",
        description="Tries for one request",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="User-Agent header; by default the tap's name and version",
    ),
).to_dict()


def check_secrets(config: Mapping[str, Any]) -> None:
    """Check what the SDK's own validation would print the value of.

    Raises:
        SettingsError: names the setting, never its value.
    """
    for name, setting in SETTINGS["properties"].items():
        value = config.get(name)
        if not setting.get("secret") or value is None:
            continue
        if not isinstance(value, str):
            message = f"{name}: not a string"
            raise SettingsError(message)
        if not value.isascii() or not value.isprintable() or " " in value:
            message = f"{name}: holds a space, a line break or another character that no token has"
            raise SettingsError(message)


def check_settings(config: Mapping[str, Any]) -> None:
    """Check what a type cannot say.

    Raises:
        SettingsError: names the setting, its value and what it should be.
    """
    _check_credentials(config)
    try:
        parse_ids(config.get("inbox_ids") or [])
    except InvalidIdError as error:
        message = f"inbox_ids: {error}"
        raise SettingsError(message) from None
    try:
        clean_time(config.get("start_date") or "")
    except ValueError:
        message = f"start_date: {config['start_date']!r} is not a time such as 2026-01-31T00:00:00Z"
        raise SettingsError(message) from None
    url = _URL.fullmatch(config["api_url"])
    is_local = url is not None and url["host"] in _THIS_MACHINE
    if (
        url is None
        or not (url["scheme"] == "https" or is_local)
        or int(url["port"] or 0) > MAX_PORT
    ):
        message = (
            "api_url: not an https URL such as https://api.hubapi.com (plain http would show the "
            "token to the network; it is for this machine only)"
        )
        raise SettingsError(message)
    user_agent = config.get("user_agent") or ""
    if not (user_agent.isascii() and user_agent.isprintable()) or user_agent != user_agent.strip():
        message = "user_agent: holds a line break, an outer space or a letter beyond ASCII"
        raise SettingsError(message)
    for name, reason in REFUSED.items():
        if config.get(name):
            message = f"{name}: not possible here; {reason}"
            raise SettingsError(message)


def _check_credentials(config: Mapping[str, Any]) -> None:
    missing = [name for name in OAUTH if not config.get(name)]
    message = ""
    if not config.get("access_token") and len(missing) == len(OAUTH):
        message = (
            "access_token: not set. Make a private app or service key in HubSpot with the scope "
            "conversations.read and put its token there, or into the environment variable "
            "TAP_HUBSPOT_THREADS_ACCESS_TOKEN with --config=ENV. For OAuth set client_id, "
            "client_secret and refresh_token instead"
        )
    elif config.get("access_token") and len(missing) < len(OAUTH):
        names = ", ".join(name for name in OAUTH if name not in missing)
        message = f"access_token and {names}: set either access_token or OAuth's settings, not both"
    elif not config.get("access_token") and missing:
        message = (
            f"{', '.join(missing)}: not set. OAuth takes client_id, client_secret and refresh_token"
        )
    if message:
        raise SettingsError(message)
