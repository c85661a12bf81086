"""What the demo's commands share: folders, the names of variables, the console, and errors."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dotenv import dotenv_values
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
DATA = ROOT / ".demo" / "postgres"
TAP, TARGET = "TAP_HUBSPOT_THREADS", "TARGET_POSTGRES"
SAMPLE_SCHEMA = "hubspot_sample"

console = Console(highlight=False)


def in_one_line(work: Callable[[ExitStack], int]) -> int:
    """Do what people are shown in the repository's folder; say in a line what prevents it."""
    cast("Any", sys.stdout).reconfigure(encoding="utf-8", errors="replace")
    os.chdir(ROOT)
    try:
        with ExitStack() as stack:
            return work(stack)
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 128 + signal.SIGINT
    except (ValueError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        console.print(f"[red]{escape(reason)}[/]")
        return 1


def what_is_set() -> dict[str, str]:
    """Return the environment, and below it what `.env` has."""
    given = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    return given | dict(os.environ)
