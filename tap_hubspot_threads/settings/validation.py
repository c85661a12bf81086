"""Checks the settings by rules that the JSON Schema of the settings cannot express."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.schema import REFUSED, SETTINGS
from tap_hubspot_threads.values import InvalidIdError, clean_time, parse_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PORT = 65_535
OAUTH = ("client_id", "client_secret", "refresh_token")
_QUOTES = set("\"'`\\\u2018\u2019\u201c\u201d\u201e")
_HEADER = re.compile(r"\s*(?:authorization\b|bearer\b)", re.IGNORECASE)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[::1\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?"
)
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}


def check_secrets(config: Mapping[str, Any]) -> None:
    """Check the secrets and `client_id`.

    Call this function before the SDK validates the settings, because the SDK's error messages
    contain the invalid value.

    Raises:
        SettingsError: if a value is invalid. The message does not contain the value.
    """
    for name, setting in SETTINGS["properties"].items():
        value = config.get(name)
        if name in OAUTH and isinstance(value, str):
            _check_form(name, value)
        if not setting.get("secret") or value is None:
            continue
        if not isinstance(value, str):
            message = f"{name}: not a string"
            raise SettingsError(message)
        _check_form(name, value)
        if not value.isascii() or not value.isprintable() or " " in value:
            message = (
                f"{name}: contains a space, a line break or another character that is not valid in "
                "a token; copy the token again"
            )
            raise SettingsError(message)


def _check_form(name: str, value: str) -> None:
    """Check that a value is not quoted, and does not start with `Authorization` or `Bearer`.

    HubSpot responds to such an access token with a 530, which does not show the cause (observed).
    """
    problem = ""
    if value.strip()[:1] in _QUOTES or value.strip()[-1:] in _QUOTES:
        problem = "is in quotes; remove the quotes (some .env parsers keep them)"
    elif _HEADER.match(value):
        problem = "starts with a header name or Bearer; set the token alone"
    if problem and value.strip():
        message = f"{name}: {problem}"
        raise SettingsError(message)


def excludes_no_thread(start_date: object) -> bool:
    """Whether a start date is 1970-01-01 or earlier, so that no thread is older.

    The tap ignores such a start date. This also prevents an error for a start date in the year 1:
    the message backfill subtracts `lookback_seconds` (`sync.phases.backfill`), and Python has no
    dates before the year 1.
    """
    try:
        start = clean_time(start_date)
    except ValueError:
        return False
    return start is not None and start <= "1970-01-01T00:00:00.000Z"


def check_settings(config: Mapping[str, Any]) -> None:
    """Check the rules that the JSON Schema of the settings cannot express.

    Raises:
        SettingsError: if a setting is invalid. The message says what is wrong.
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
    is_local = url is not None and url["host"] in _LOCAL_HOSTS
    if (
        url is None
        or not (url["scheme"] == "https" or is_local)
        or int(url["port"] or 0) > MAX_PORT
    ):
        message = (
            "api_url: not an HTTPS URL such as https://api.hubapi.com (plain HTTP is allowed for "
            "localhost only, as it would expose the token)"
        )
        raise SettingsError(message)
    user_agent = config.get("user_agent") or ""
    if not (user_agent.isascii() and user_agent.isprintable()) or user_agent != user_agent.strip():
        message = (
            "user_agent: contains a line break, a leading or trailing space, or a character that "
            "is not ASCII"
        )
        raise SettingsError(message)
    for name, reason in REFUSED.items():
        if config.get(name):
            message = f"{name}: not supported, because {reason}; remove it"
            raise SettingsError(message)


def _check_credentials(config: Mapping[str, Any]) -> None:
    missing = [name for name in OAUTH if not config.get(name)]
    message = ""
    if not config.get("access_token") and len(missing) == len(OAUTH):
        message = (
            "access_token: not set. Create a service key in HubSpot with the scope "
            "conversations.read, and set access_token to it, or use --config=ENV and the "
            "environment variable TAP_HUBSPOT_THREADS_ACCESS_TOKEN. For OAuth, set client_id, "
            "client_secret and refresh_token instead"
        )
    elif config.get("access_token") and len(missing) < len(OAUTH):
        names = ", ".join(name for name in OAUTH if name not in missing)
        message = f"access_token and {names}: set access_token or the OAuth settings, not both"
    elif not config.get("access_token") and missing:
        message = (
            f"{', '.join(missing)}: not set. For OAuth, set client_id, client_secret and "
            "refresh_token"
        )
    if message:
        raise SettingsError(message)
