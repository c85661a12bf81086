"""List the modules of the tap that take part in a sync of one thread."""

from __future__ import annotations

import io
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tap_hubspot_threads
from emulator.data.account import Account
from tests.conftest import Life, open_lab, select

if TYPE_CHECKING:
    from types import FrameType

    from tap_hubspot_threads.tap import TapHubSpotThreads

ROOT = Path(tap_hubspot_threads.__file__).parent
STREAMS = ("threads", "deleted_threads", "messages", "actors")


def report(name: str, tap: TapHubSpotThreads) -> None:
    """Print the modules in which a sync calls functions, on any OS thread, and their number."""
    called: dict[str, set[str]] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            module = path.relative_to(ROOT).as_posix()
            called.setdefault(module, set()).add(frame.f_code.co_name)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        with redirect_stdout(io.StringIO()):
            tap.sync_all()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    print(f"{name}: {len(called)} modules, {sum(map(len, called.values()))} functions")
    for module in sorted(called):
        print(f"    {module} ({len(called[module])})")


def main() -> None:
    """Trace a sync of a configured ID, and a sync of a changed thread with messages and actors."""
    with open_lab(Account.sample(20)) as lab:
        report("A configured ID", lab.tap(thread_ids=lab.live_ids[:1]))
        life = Life(lab)
        life.sync(select(*STREAMS))
        life.pass_time(hours=1)
        life.threads(1)
        report("A changed thread with messages and actors", life.tap(select(*STREAMS)))


if __name__ == "__main__":
    main()
