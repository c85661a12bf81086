"""The one loop that writes: rows, what is to be done behind them, STATE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.signals import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk.metrics import Counter

    from tap_hubspot_threads.models import Out, Sync
    from tap_hubspot_threads.signals import Stop
    from tap_hubspot_threads.singer.base_stream import HubSpotStream
    from tap_hubspot_threads.singer.progress import Progress


OTHER_PROPERTIES = "otherProperties"


def misfits(row: Mapping[str, Any]) -> list[str]:
    """Return the columns of a row whose value is in `otherProperties`, nested ones with dots."""
    other = row.get(OTHER_PROPERTIES)
    return list(_misfits(other, row)) if other else []


def _misfits(other: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
    for name, value in other.items():
        if name not in fitted:
            continue
        if fitted[name] is None:
            yield name
        elif isinstance(value, dict) and isinstance(fitted[name], dict):
            yield from (f"{name}.{inner}" for inner in _misfits(value, fitted[name]))


STATE_INTERVAL = 5.0
"""Seconds between two STATE messages, but for the last."""

LINES_PER_ROW = 8
"""Open threads in the state, a line each, that take less than half of the room of a row in the
output: so that STATE is not most of what goes out, rows have to have gone out for its lines."""


class EventWriter:
    """Writes what a sync yields to the streams that are selected.

    Args:
        streams: Those, by name.
        given: The state that the tap was given; what a sync does not keep stays as it was.
        write_state: Writes a STATE message.
        stop: Looked at before each row.
        progress: Counts the rows.
        state_interval: See `STATE_INTERVAL`.
    """

    def __init__(
        self,
        streams: Mapping[str, HubSpotStream],
        *,
        given: Mapping[str, Any],
        write_state: Callable[[dict[str, Any]], None],
        stop: Stop,
        progress: Progress,
        state_interval: float = STATE_INTERVAL,
    ) -> None:
        self._streams, self._given, self._write_state = streams, given, write_state
        self._stop, self._progress, self._interval = stop, progress, state_interval
        self._counters: dict[str, Counter] = {}
        self.kept: Mapping[str, Any] = {}
        """What the last STATE had of threads."""
        self._last_state = progress.clock()
        self._rows = self._rows_at_last_state = 0

    def run(self, sync: Sync | None, *, most: int | None = None) -> None:
        """Write the SCHEMAs, then what the sync yields, and STATE last, even when it fails.

        Args:
            sync: What is read; None: nothing.
            most: End after so many rows, to try whether it works.

        Raises:
            HubSpotError: as the sync does.
            Stopped: if it is to stop.
        """
        for name, stream in self._streams.items():
            stream.write_schema()
            self._counters[name] = stream.get_record_counter()
            self._progress.rows[name] = 0
        timed = self._streams.get("threads") or next(iter(self._streams.values()))
        with timed.get_sync_timer():
            try:
                self._write(sync, most)
            finally:
                for name, counter in self._counters.items():
                    counter.increment(self._progress.rows[name])
                    if counter.value:
                        counter.exit()  # logs it

    def _write(self, sync: Sync | None, most: int | None) -> None:
        try:
            for out in sync.run() if sync else ():
                self._stop.check()
                self._progress.tick()
                self._pass(out, sync)
                if self._rows == most:
                    break
        except (HubSpotError, Stopped):
            self._save(sync, is_final=True)
            raise
        self._save(sync, is_final=True)

    def _pass(self, out: Out, sync: Sync | None) -> None:
        """Write a row, then do what is to be done behind it; let STATE go out, if it is due."""
        if out.first is not None:
            out.first()
            self._save(sync, is_final=False, is_due=True)
        if out.row is not None and (stream := self._streams.get(out.stream)):
            self._count(out.stream, out.row)
            stream.write(out.row)
        if out.then is not None:
            out.then()
        if out.row is None and self._progress.clock() - self._last_state >= self._interval:
            self._save(sync, is_final=False)

    def _count(self, stream: str, row: Mapping[str, Any]) -> None:
        self._rows += 1
        self._progress.rows[stream] += 1
        for column in misfits(row):
            self._progress.misfits[f"{stream}.{column}"] += 1
        if stream == "threads":
            self._progress.archived += row["archived"] is True

    def _save(self, sync: Sync | None, *, is_final: bool, is_due: bool = False) -> None:
        """Write STATE, if that is due; the only place that does."""
        lines = len(self.kept.get("open_threads", ()))
        rows = self._rows - self._rows_at_last_state
        if not (is_final or is_due or rows * LINES_PER_ROW >= lines):
            return
        kept = sync.pack(is_final=is_final) if sync else None
        bookmarks = {"threads": {}} | self._given.get("bookmarks", {}) | (kept or {})
        self.kept = bookmarks["threads"]
        self._write_state({"bookmarks": bookmarks})
        self._last_state, self._rows_at_last_state = self._progress.clock(), self._rows
