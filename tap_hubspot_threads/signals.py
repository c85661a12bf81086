"""Signal handling: a signal stops the sync between two Singer messages."""

from __future__ import annotations

import os
import signal
import threading
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
    """Records the signal that asks the sync to stop.

    Worker threads call `wait`, which ends as soon as a signal arrives. The main thread must call
    `check` instead, because Python runs signal handlers on the main thread. The handler needs the
    lock of `_event`. If the handler interrupted `wait` while `wait` holds this lock, the handler
    would wait for the lock forever.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signum = 0

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
        self._event.set()

    def check(self) -> None:
        """Raise `Stopped` if a signal has arrived."""
        if self._signum:
            raise Stopped(self._signum)

    def wait(self, seconds: float) -> None:
        """Wait for this many seconds. Raise `Stopped` as soon as a signal arrives."""
        self._event.wait(seconds)
        self.check()
