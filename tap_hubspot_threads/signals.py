"""Signal handling: a signal stops the sync between two Singer messages."""

from __future__ import annotations

import os
import queue
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stopped(BaseException):
    """The sync was stopped by a signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"Stopped by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum


class Stop:
    """Records the signal that asks the sync to stop."""

    def __init__(self) -> None:
        self._signum = 0
        # A signal handler may interrupt any call of the main thread. `put` of this queue can
        # interrupt `get`. `set` of an event must not interrupt `wait`: both need the same lock.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def listen(self) -> None:
        """Install handlers for `SIGNALS`. If the caller is not the main thread, do nothing.

        The first signal requests a stop between two Singer messages. If the target reads slowly or
        not at all, the stop takes longer (see `singer.stdout.STOP_TIMEOUT`). A second signal ends
        the process immediately.

        A signal that the parent process ignores, such as SIGHUP under nohup, stays ignored.
        """
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    signal.signal(signum, self._handle)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        if self._signum:
            os._exit(128 + signum)
        self._signum = signum
        self._signals.put(signum)

    def check(self) -> None:
        """Raise `Stopped` if a signal has arrived."""
        if self._signum:
            raise Stopped(self._signum)

    def wait(self, seconds: float) -> None:
        """Wait for this many seconds. Raise `Stopped` as soon as a signal arrives."""
        with suppress(queue.Empty):
            self._signals.put(self._signals.get(timeout=seconds))  # for the other threads that wait
        self.check()
