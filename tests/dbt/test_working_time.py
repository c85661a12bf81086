"""Working time, compared with a table of cases that is worked out by hand."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.dbt.warehouse import Warehouse

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.filterwarnings("ignore"),  # dbt's own
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python < 3.14"),
]

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday")
WEEKEND = ("saturday", "sunday")
OFFICE = dict.fromkeys(WEEK, "09:00-17:00")
NIGHTS = dict.fromkeys(WEEK + WEEKEND, "00:00-06:00, 22:00-24:00")
ALWAYS = dict.fromkeys(WEEK + WEEKEND, "0:00-24:00")
HOLIDAY = "2026-12-25"
MINUTE, HOUR = 60, 3_600

Case = tuple[str, str, str, float]
"""Name, asked at, answered at (both with the offset that the clocks have) and working seconds."""
CASES: dict[str, tuple[dict[str, str], list[Case]]] = {
    "office in Berlin": (
        {"time_zone": "Europe/Berlin", **OFFICE},
        [
            ("within a day", "2026-06-10T10:00+02:00", "2026-06-10T11:30+02:00", 90 * MINUTE),
            ("night", "2026-06-09T16:30+02:00", "2026-06-10T09:30+02:00", HOUR),
            ("weekend", "2026-06-12T16:00+02:00", "2026-06-15T10:00+02:00", 2 * HOUR),
            ("whole week", "2026-06-08T00:00+02:00", "2026-06-15T00:00+02:00", 40 * HOUR),
            ("holiday", "2026-12-24T16:00+01:00", "2026-12-28T09:15+01:00", 75 * MINUTE),
            ("asked on a holiday", "2026-12-25T10:00+01:00", "2026-12-28T09:15+01:00", 15 * MINUTE),
            ("clocks go forward", "2026-03-27T16:00+01:00", "2026-03-30T10:00+02:00", 2 * HOUR),
            ("clocks go back", "2026-10-23T16:00+02:00", "2026-10-26T10:00+01:00", 2 * HOUR),
            ("before opening", "2026-06-09T20:00+02:00", "2026-06-10T08:00+02:00", 0),
            ("at opening", "2026-06-09T17:00+02:00", "2026-06-10T09:00+02:00", 0),
            ("asked before opening", "2026-06-10T05:00+02:00", "2026-06-10T09:10+02:00", 600),
            ("at once", "2026-06-10T10:00+02:00", "2026-06-10T10:00+02:00", 0),
            (
                "milliseconds",
                "2026-06-10T16:59:59.750+02:00",
                "2026-06-11T09:00:00.500+02:00",
                0.75,
            ),
        ],
    ),
    "nights in Berlin": (
        {"time_zone": "Europe/Berlin", **NIGHTS},
        [
            ("ordinary night", "2026-06-09T22:00+02:00", "2026-06-10T06:00+02:00", 8 * HOUR),
            ("shorter night", "2026-03-28T22:00+01:00", "2026-03-29T06:00+02:00", 7 * HOUR),
            ("longer night", "2026-10-24T22:00+02:00", "2026-10-25T06:00+01:00", 9 * HOUR),
            ("first 02:30", "2026-10-25T02:30+02:00", "2026-10-25T03:00+01:00", 90 * MINUTE),
            ("second 02:30", "2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00", 30 * MINUTE),
            ("day", "2026-06-10T06:00+02:00", "2026-06-10T22:00+02:00", 0),
        ],
    ),
    "office in Kolkata, a zone without daylight saving": (
        {"time_zone": "Asia/Kolkata", **OFFICE},
        [
            ("spring", "2026-03-27T16:00+05:30", "2026-03-30T10:00+05:30", 2 * HOUR),
            ("fall", "2026-10-23T16:00+05:30", "2026-10-26T10:00+05:30", 2 * HOUR),
            ("night", "2026-06-09T16:45+05:30", "2026-06-10T09:45+05:30", HOUR),
        ],
    ),
    "always in Havana, where clocks change at midnight": (
        {"time_zone": "America/Havana", **ALWAYS},
        [
            ("23 hours", "2026-03-08T01:00-04:00", "2026-03-09T00:00-04:00", 23 * HOUR),
            ("25 hours", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00", 25 * HOUR),
            ("repeated hour", "2026-11-01T00:15-04:00", "2026-11-01T00:15-05:00", HOUR),
        ],
    ),
}


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", CASES)
def test_cases(warehouse: Warehouse, name: str) -> None:
    """The time to first reply in working time is what a person counts."""
    hours, cases = CASES[name]
    schema = f"hours{list(CASES).index(name)}"
    messages = [
        {
            "id": f"{case}/{by}",
            "conversationsThreadId": case,
            "type": "MESSAGE",
            "direction": direction,
            "createdBy": by,
            "createdAt": _utc(when),
        }
        for case, asked_at, answered_at, _ in cases
        for when, by, direction in (
            (asked_at, "V-1", "INCOMING"),
            (answered_at, "A-1", "OUTGOING"),
        )
    ]
    warehouse.fill(schema, "threads", [{"id": case, "status": "OPEN"} for case, *_ in cases])
    warehouse.fill(schema, "messages", messages)
    warehouse.dbt("seed", schema=schema)
    warehouse.query(f"INSERT INTO {schema}_analytics.holidays VALUES ('{HOLIDAY}', 'Christmas')")
    said = warehouse.dbt("run", "--select", "+conversations", schema=schema, working_hours=hours)
    assert set(said.values()) == {"success"}
    rows = warehouse.table(f"{schema}_analytics.conversations", "conversation_id")
    found = {case: row["first_response_working_seconds"] for case, row in rows.items()}
    assert found == {case: seconds for case, _, _, seconds in cases}
    lasted = {
        case: (
            datetime.fromisoformat(_utc(answered_at)) - datetime.fromisoformat(_utc(asked_at))
        ).total_seconds()
        for case, asked_at, answered_at, _ in cases
    }
    assert {case: row["first_response_seconds"] for case, row in rows.items()} == lasted


@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        ({"monday": "09:00-17:00"}, "no time_zone"),
        ({"time_zone": "UTC", "mon": "09:00-17:00"}, "'mon' is not a weekday"),
        ({"time_zone": "UTC", "monday": "9-17"}, "'9-17' on monday is not a period"),
        ({"time_zone": "UTC", "monday": "09:00-13:00, 12:00-17:00"}, "overlaps"),
    ],
    ids=["zone", "weekday", "form", "order"],
)
def test_invalid_hours(warehouse: Warehouse, hours: dict[str, str], reason: str) -> None:
    """Working hours that mean nothing stop dbt; no figure is computed from them."""
    with pytest.raises(AssertionError, match=reason):
        warehouse.dbt("compile", "--select", "working_clock", working_hours=hours)


def _utc(text: str) -> str:
    """Return a time in UTC, without its offset."""
    moment = datetime.fromisoformat(text).astimezone(timezone.utc)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
