"""The writing loop: writes records and STATE messages, and applies state changes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import Record, StateChange
from tap_hubspot_threads.signals import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from singer_sdk.metrics import Counter

    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.signals import Stop
    from tap_hubspot_threads.singer.progress import Progress
    from tap_hubspot_threads.singer.row_to_record import HubSpotStream


OTHER_PROPERTIES = "otherProperties"


def misfits(row: Mapping[str, Any]) -> list[str]:
    """Return the columns and fields (such as `a.b`) whose value does not fit the schema.

    `RowCleaner` has moved these values to `otherProperties`.
    """
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
"""Minimum seconds between two STATE messages. There is no minimum before the final STATE message,
or after a state change with `save_now`."""

STATE_BYTES_PER_RECORD = 160
"""After a STATE message with n bytes of open threads, `EventWriter` writes at least n / 160 records
before the next STATE message. For example, 16,000 bytes require 100 records. A record has 220 bytes
or more, so the records have more bytes than the STATE messages. There is no minimum before the
final STATE message, or after a state change with `save_now`."""


class EventWriter:
    """Writes the records of a sync, and STATE messages after state changes.

    Args:
        streams: The selected streams, by name.
        initial_state: The state that the tap received. If `bookmarks` (see `run`) returns no entry
            for a stream, STATE messages repeat the stream's entry from this state.
        write_state: Writes a STATE message.
        stop: Checked before each event is handled.
        progress: Counts the records.
        state_interval: See `STATE_INTERVAL`.
    """

    def __init__(
        self,
        streams: Mapping[str, HubSpotStream],
        *,
        initial_state: Mapping[str, Any],
        write_state: Callable[[dict[str, Any]], None],
        stop: Stop,
        progress: Progress,
        state_interval: float = STATE_INTERVAL,
    ) -> None:
        self._streams, self._write_state = streams, write_state
        self._initial_state = initial_state
        self._stop, self._progress, self._interval = stop, progress, state_interval
        self._counters: dict[str, Counter] = {}
        self.saved: Mapping[str, Any] = {}
        """The entry of the stream `threads` in the last STATE message, without lists such as
        `open_threads`. Empty before the first STATE message."""
        self._open_bytes = 0
        """Bytes of the open threads in the last STATE message."""
        self._last_state = progress.clock()
        self._records = self._records_at_last_state = 0

    def run(
        self,
        events: Iterable[Event],
        bookmarks: Callable[..., dict[str, Any] | None] | None = None,
        *,
        max_records: int | None = None,
    ) -> None:
        """Write the SCHEMA messages, the records of the events, and the STATE messages.

        The final STATE message is also written after a `HubSpotError` or `Stopped`.

        Args:
            events: The events of the sync.
            bookmarks: Returns the new state's entries, by stream (`AccountSync.bookmarks`). None:
                the sync does not change the state.
            max_records: The sync ends after this many records. None: no limit.

        Raises:
            HubSpotError: if the sync fails.
            Stopped: if a signal arrived.
        """
        for name, stream in self._streams.items():
            stream.write_schema()
            self._counters[name] = stream.get_record_counter()
            self._progress.records[name] = 0
        timed = self._streams.get("threads") or next(iter(self._streams.values()))
        save = partial(self._write_state_message, bookmarks)
        with timed.get_sync_timer():
            try:
                self._write(events, save, max_records)
            finally:
                for name, counter in self._counters.items():
                    counter.increment(self._progress.records[name])
                    if counter.value:
                        counter.exit()  # this SDK method logs the count

    def _write(
        self, events: Iterable[Event], save: Callable[..., None], max_records: int | None
    ) -> None:
        try:
            for event in events:
                self._stop.check()
                self._progress.tick()
                if isinstance(event, Record):
                    self._write_record(event)
                    if self._records == max_records:
                        break
                elif isinstance(event, StateChange):
                    event.apply()
                    is_due = self._progress.clock() - self._last_state >= self._interval
                    if event.save_now or (is_due and self._has_room_for_state):
                        save(is_final=False)
        except (HubSpotError, Stopped):
            save(is_final=True)
            raise
        save(is_final=True)

    def _write_record(self, record: Record) -> None:
        stream = self._streams.get(record.stream)
        if stream is None:
            return
        row = record.row
        self._records += 1
        self._progress.records[record.stream] += 1
        for column in misfits(row):
            self._progress.misfits[f"{record.stream}.{column}"] += 1
        if record.stream == "threads":
            self._progress.archived += row["archived"] is True
        stream.write(row)

    @property
    def _has_room_for_state(self) -> bool:
        """Whether enough records were written for another STATE message.

        See `STATE_BYTES_PER_RECORD`.
        """
        records = self._records - self._records_at_last_state
        return records * STATE_BYTES_PER_RECORD >= self._open_bytes

    def _write_state_message(
        self, bookmarks: Callable[..., dict[str, Any] | None] | None, *, is_final: bool
    ) -> None:
        """Write a STATE message. No other method of the tap writes STATE messages."""
        changed = bookmarks(is_final=is_final) if bookmarks else None
        state = {"threads": {}} | self._initial_state.get("bookmarks", {}) | (changed or {})
        threads = state["threads"]
        self.saved = {key: threads[key] for key in threads if not isinstance(threads[key], list)}
        self._open_bytes = sum(map(len, threads.get("open_threads", ())))
        self._write_state({"bookmarks": state})
        self._last_state, self._records_at_last_state = self._progress.clock(), self._records
