"""The stop of a sync by a signal, at any moment of a wait."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.signals import SIGNALS, Stop, Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

HOUR = 3600.0


@pytest.fixture(name="stop")
def _stop() -> Iterator[Stop]:
    handlers = {signum: signal.getsignal(signum) for signum in SIGNALS}
    stop = Stop()
    stop.listen()
    yield stop
    for signum, handler in handlers.items():
        signal.signal(signum, handler)


def test_a_wait_ends_without_a_signal(stop: Stop) -> None:
    """A wait without a signal ends after its time, and raises nothing."""
    stop.wait(0)
    stop.check()


def test_a_signal_ends_all_waits(stop: Stop) -> None:
    """One signal ends the waits of all worker threads, and each later wait."""
    ended: list[int] = []

    def wait() -> None:
        with pytest.raises(Stopped) as stopped:
            stop.wait(HOUR)
        ended.append(stopped.value.exit_code)

    workers = [threading.Thread(target=wait, daemon=True) for _ in range(5)]
    for worker in workers:
        worker.start()
    signal.raise_signal(signal.SIGTERM)
    wait()
    for worker in workers:
        worker.join(timeout=10)
    assert ended == [128 + signal.SIGTERM] * 6


@pytest.mark.parametrize("step", range(8))
def test_a_signal_interrupts_a_wait_of_the_main_thread(stop: Stop, step: int) -> None:
    """A signal before each line that a wait runs on the main thread ends the wait."""
    lines = 0
    started: list[FrameType] = []

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        if frame.f_code is Stop.wait.__code__:
            started.append(frame)
        if started and event == "line":
            lines += 1
            if lines == step + 1:
                signal.raise_signal(signal.SIGTERM)
        return trace

    faulthandler.dump_traceback_later(10, exit=True)
    tracer = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(Stopped):
            stop.wait(0.001)
    finally:
        sys.settrace(tracer)
        faulthandler.cancel_dump_traceback_later()
