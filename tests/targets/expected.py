"""The rows that an account must result in, computed independently of the tap's code."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.behavior import USUAL
from emulator.endpoints.actors import actor_payloads
from emulator.endpoints.messages import message_payload
from emulator.endpoints.reference_lists import listed_row
from emulator.endpoints.threads import thread_payload
from tests.targets.columns import COLUMNS, FIELDS, JSON, TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.data.account import Account
    from emulator.data.thread import Thread

Tables = dict[str, dict[str, dict[str, Any]]]
"""Rows by stream and ID. Times are in UTC, without a time zone."""

PLAIN = replace(USUAL, number_ids="none", times="milliseconds")
"""The regular wire format. The account returns irregular formats to the tap."""


def add_account(expected: Tables, account: Account) -> None:
    """Add the account's current rows. Rows of deleted items stay as they are."""
    threads = list(account.threads.values())
    for thread in threads:
        _add(expected, "threads", _payload(thread))
        _add(expected, "thread_index", _payload(thread))
        for message in account.messages(thread):
            _add(expected, "messages", message_payload(message, wire=PLAIN))
    for actor in actor_payloads(account, *threads).values():
        _add(expected, "actors", actor)
    for name in ("inboxes", "channels", "channel-accounts"):
        for item in account.lists[name]:
            _add(expected, name.replace("-", "_"), listed_row(name, item, PLAIN))


def expected_threads(account: Account) -> dict[str, dict[str, Any]]:
    """Return the expected rows of the account's threads."""
    expected = empty_tables()
    add_account(expected, account)
    return expected["threads"]


def empty_tables() -> Tables:
    """Return an empty table per stream."""
    return {stream: {} for stream in COLUMNS}


def row_of(stream: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the expected row for a payload in the regular wire format."""
    columns = COLUMNS[stream]
    if isinstance(payload.get("status"), dict):
        status = dict(payload["status"])
        payload = payload | {"failureDetails": status.pop("failureDetails", None), "status": status}
    row = {name: stored(payload.get(name)) for name in columns}
    others = {name: value for name, value in payload.items() if name not in columns}
    for name, kind in columns.items():
        if kind == TIME:
            row[name] = _moment(row[name]) if row[name] else None
        if kind == JSON and name in FIELDS and row[name] is not None:
            if more := {
                key: payload[name][key] for key in payload[name] if key not in FIELDS[name]
            }:
                others[name] = more
            row[name] = {key: row[name].get(key) for key in FIELDS[name]}
    if "otherProperties" in columns:
        row["otherProperties"] = stored(others) or None
    return row


def stored(value: Any) -> Any:
    """Return a value with its strings, keys included, in a form that databases can store."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "?", value.replace("\0", ""))
    if isinstance(value, list):
        return [stored(item) for item in value]
    if isinstance(value, dict):
        return {stored(name): stored(item) for name, item in value.items()}
    return value


def differences(found: Tables, expected: Tables) -> Iterator[str]:
    """Yield a line per difference between found and expected tables, with truncated values."""
    for stream, rows in expected.items():
        for row_id in sorted(rows.keys() | found[stream].keys()):
            here, there = found[stream].get(row_id), rows.get(row_id)
            if here is None or there is None:
                yield f"{stream} {row_id}: {'missing' if there else 'unexpected'}"
                continue
            for name in there:
                if _typed(here[name]) != _typed(there[name]):
                    yield f"{stream} {row_id} {name}: {here[name]!r:.90} for {there[name]!r:.90}"


def _typed(value: Any) -> str:
    """Return a text that distinguishes 1, 1.0 and true at any depth."""
    return json.dumps(value, sort_keys=True, default=repr)


def _moment(payload: str) -> datetime:
    return datetime.strptime(payload, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - like the tables' times


def _payload(thread: Thread) -> dict[str, Any]:
    return thread_payload(thread, associations=["TICKET"], extra=None, wire=PLAIN)


def _add(expected: Tables, stream: str, payload: dict[str, Any]) -> None:
    row = row_of(stream, payload)
    expected[stream][row["id"]] = row
