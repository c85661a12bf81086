"""Being stopped from outside: a signal is noted at once, and acted upon where it is safe."""

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
    """Whether the sync has been asked to stop.

    The main thread looks with `check`, never in `wait`: the handler runs on it, and would wait for
    itself. Workers wait with `wait`, which ends as soon as the sync is to stop.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._signum = 0

    def listen(self) -> None:
        """Take over the signals that end a process, if this is the main thread.

        The first only asks to stop, so that no message is cut in the middle. A second one ends the
        process at once: a target that has stopped reading can hold up the first. Signals that the
        parent has had ignored, as nohup does, stay ignored.
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
        """Raise `Stopped` if the sync is to stop."""
        if self._signum:
            raise Stopped(self._signum)

    def wait(self, seconds: float) -> None:
        """Wait so long, or raise `Stopped` as soon as the sync is to stop."""
        self._event.wait(seconds)
        self.check()
