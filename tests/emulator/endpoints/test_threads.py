"""Payloads of threads: as HubSpot documents them, and in other wire formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from emulator.behavior import WireFormat
from emulator.data.account import Account
from emulator.endpoints.threads import LATE_FIELDS
from tests.emulator.clients import THREADS, Client
from tests.emulator.conftest import World

if TYPE_CHECKING:
    from collections.abc import Callable

AS_DOCUMENTED = WireFormat(unknown_fields="none", sparse="none", number_ids="none")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|[+-]\d\d:\d\d)")


def is_time(value: object) -> bool:
    """Return whether a value is a date-time of RFC 3339."""
    return isinstance(value, str) and bool(TIME.fullmatch(value))


def is_text(value: object) -> bool:
    """Return whether a value is a string that is not empty."""
    return isinstance(value, str) and value != ""


def is_flag(value: object) -> bool:
    """Return whether a value is a boolean."""
    return isinstance(value, bool)


# The schema PublicThread of HubSpot's OpenAPI document, 2026-09.
REQUIRED: dict[str, Callable[[object], bool]] = {
    "id": is_text,
    "createdAt": is_time,
    "status": {"OPEN", "CLOSED"}.__contains__,
    "originalChannelId": is_text,
    "originalChannelAccountId": is_text,
    "inboxId": is_text,
    "associatedContactId": is_text,
    "spam": is_flag,
    "archived": is_flag,
}
OPTIONAL: dict[str, Callable[[object], bool]] = {
    "closedAt": is_time,
    "latestMessageTimestamp": is_time,
    "latestMessageSentTimestamp": is_time,
    "latestMessageReceivedTimestamp": is_time,
    "assignedTo": is_text,
    "threadAssociations": lambda value: (
        isinstance(value, dict)
        and set(value) == {"associatedTicketId"}
        and is_text(value["associatedTicketId"])
    ),
}


@pytest.fixture
def sample() -> World:
    """A sample account."""
    world = World()
    world.account.threads.update(Account.sample(150).threads)
    return world


def rows(world: World, **query: str) -> list[dict[str, Any]]:
    """Return all rows, live and archived."""
    pages = [world.client.rows(association="TICKET", archived=side, **query) for side in SIDES]
    return pages[0] + pages[1]


SIDES = ("false", "true")


def test_documented_form(sample: World) -> None:
    """The sample's rows match HubSpot's schema, and each field of the schema occurs."""
    sample.behavior.wire = AS_DOCUMENTED
    seen: set[str] = set()
    for row in rows(sample):
        assert row.keys() >= REQUIRED.keys()
        known = REQUIRED | OPTIONAL
        wrong = {name: value for name, value in row.items() if not known[name](value)}
        assert not wrong
        seen |= row.keys()
    assert seen == REQUIRED.keys() | OPTIONAL.keys()


def test_same_by_id_as_listed(sample: World) -> None:
    """A thread read by ID is identical to its listed row."""
    for row in rows(sample)[::10]:
        archived = str(row.get("archived", False)).lower()
        path = f"{THREADS}/{row['id']}"
        if "archived" in row:
            assert sample.client.json(path, archived=archived, association="TICKET") == row


@pytest.mark.parametrize(("which", "share"), [("none", 0), ("some", 0.14), ("all", 1)])
def test_unknown_fields(sample: World, which: Any, share: float) -> None:
    """None, some or all threads have an undocumented key."""
    sample.behavior.wire = WireFormat(unknown_fields=which)
    has_unknown_field = ["customerSentiment" in row for row in rows(sample)]
    assert sum(has_unknown_field) / len(has_unknown_field) == pytest.approx(share, abs=0.08)


@pytest.mark.parametrize(("which", "expected"), [("none", 0), ("all", 150)])
def test_sparse(sample: World, which: Any, expected: int) -> None:
    """Fields that the API gained later are missing in no thread or in all."""
    sample.behavior.wire = WireFormat(sparse=which)
    assert sum(not row.keys() & set(LATE_FIELDS) for row in rows(sample)) == expected


def test_null(sample: World) -> None:
    """A field that is not set is omitted or null."""
    assert not any(None in row.values() for row in rows(sample))
    sample.behavior.wire = WireFormat(unset="null")
    assert all("closedAt" in row and "assignedTo" in row for row in rows(sample))


def test_number_ids(sample: World) -> None:
    """The IDs in a thread's other columns can be numbers; its own ID is always a string."""
    sample.behavior.wire = WireFormat(number_ids="all", sparse="none")
    for row in rows(sample):
        assert isinstance(row["id"], str)
        assert all(
            isinstance(row[name], int)
            for name in ("inboxId", "associatedContactId", "originalChannelId")
        )


def test_times(sample: World) -> None:
    """Times have mixed precision and offsets, or always milliseconds and UTC."""
    created = [row["createdAt"] for row in rows(sample)]
    assert any(not time.endswith("Z") for time in created)
    latest = [row.get("latestMessageTimestamp", "") for row in rows(sample)]
    assert any(time.endswith("Z") and "." not in time for time in latest)
    sample.behavior.wire = WireFormat(times="milliseconds")
    for row in rows(sample):
        assert re.fullmatch(r".*\.\d{3}Z", row["createdAt"])


def test_cached_payloads(world: World) -> None:
    """Cached payloads are specific to a wire format."""
    (thread,) = world.threads(1)
    client: Client = world.client
    seen = []
    for wire in (
        WireFormat(number_ids="none"),
        WireFormat(number_ids="all"),
        WireFormat(number_ids="none"),
    ):
        world.behavior.wire = wire
        seen.append(client.json(f"{THREADS}/{thread.id}")["associatedContactId"])
    assert seen == ["1401", 1401, "1401"]
