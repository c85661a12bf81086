"""Working time between two moments, worked out without the database."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOURS = {
    "time_zone": "Europe/Berlin",
    "monday": "08:00-12:30, 13:30-18:00",
    "tuesday": "08:00-18:00",
    "wednesday": "08:00-18:00",
    "thursday": "08:00-18:00",
    "friday": "08:00-14:15",
    "saturday": "22:00-24:00",
    "sunday": "00:00-06:00",
}
HOLIDAYS = {date(2026, 4, 3): "Good Friday", date(2026, 1, 1): "New Year's Day"}


class WorkingTime:
    """A team's working hours, in the form of the variable `working_hours`."""

    def __init__(self, hours: dict[str, str], holidays: set[date]) -> None:
        self._zone = ZoneInfo(hours["time_zone"])
        self._holidays = holidays
        self._periods = {
            WEEKDAYS.index(name): [tuple(part.strip().split("-")) for part in periods.split(",")]
            for name, periods in hours.items()
            if name != "time_zone"
        }

    def seconds(self, begins: datetime, ends: datetime) -> float:
        """Return the working time between two moments in UTC, without a zone."""
        first, last = begins.date() - timedelta(days=2), ends.date() + timedelta(days=2)
        days = [first + timedelta(days=number) for number in range((last - first).days)]
        worked = timedelta(0)
        for day in days:
            if day in self._holidays:
                continue
            for opens, closes in self._periods.get(day.weekday(), []):
                overlap = min(ends, self._utc(day, closes)) - max(begins, self._utc(day, opens))
                worked += max(overlap, timedelta(0))
        return worked.total_seconds()

    def _utc(self, day: date, clock: str) -> datetime:
        """Return when the clocks show a time. One that comes twice is its second occurrence."""
        hours, minutes = map(int, clock.split(":"))
        local = datetime.combine(day, time()) + timedelta(hours=hours, minutes=minutes)
        for fold in (1, 0):
            moment = local.replace(tzinfo=self._zone, fold=fold).astimezone(timezone.utc)
            if moment.astimezone(self._zone).replace(tzinfo=None) == local:
                break
        return moment.replace(tzinfo=None)
