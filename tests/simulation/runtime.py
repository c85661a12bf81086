"""The tap's environment in a history: no sockets, no threads, and the account's clock."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from typing_extensions import override

from emulator.memory_transport import MemoryTransport
from tap_hubspot_threads.hubspot import clock
from tap_hubspot_threads.signals import Stop
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.simulation.workers import DrawnWorkers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.simulation.history import History


def machine_for(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the tap's transport, workers and clocks by those of a history."""
    life = history.life

    class LocalTime(datetime):
        @classmethod
        @override
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return (life.time + life.local_skew).astimezone(tz)

    def wait(stop: Stop, seconds: float) -> None:
        stop.check()
        life.pass_time(seconds + 0.001)  # not 0, because the clock has a resolution of microseconds

    runtime = replace(
        TapHubSpotThreads.runtime,
        transport=lambda _: MemoryTransport(history.reached, pass_time=life.pass_time),
        workers=type("WorkerPool", (DrawnWorkers,), {"chance": history.chance}),
        clock=life.clock,
        state_interval=0,
    )
    monkeypatch.setattr(TapHubSpotThreads, "runtime", runtime)
    monkeypatch.setattr(clock, "datetime", LocalTime)
    monkeypatch.setattr(Stop, "wait", wait)


@contextmanager
def in_silence() -> Iterator[None]:
    """Disable logging, which would take as long as the rest of the test."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
