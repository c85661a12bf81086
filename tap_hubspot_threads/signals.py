"""Signal handling: a handler notes the signal, and the sync stops at the next safe place."""

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
    """Notes a request to stop the sync.

    The main thread calls `check` and never `wait`: it also runs the signal handler, which could
    deadlock on the event. Workers call `wait`, which returns as soon as a signal arrives.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signum = 0

    def listen(self) -> None:
        """Install handlers for `SIGNALS`, if called on the main thread.

        The first signal requests a stop, so that no message is cut. A second signal ends the
        process immediately, because a target that no longer reads can block the stop. Signals that
        the parent process ignores, as nohup does, stay ignored.
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
        """Wait for this time, or raise `Stopped` as soon as a signal arrives."""
        self._event.wait(seconds)
        self.check()
