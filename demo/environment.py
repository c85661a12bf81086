"""Paths, variable names, console and error handling of the demo's commands."""

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


def run_command(work: Callable[[ExitStack], int]) -> int:
    """Run a function in the repository's root, with a stack for cleanup; return its exit code.

    An error in the settings or the database is printed as one line.
    """
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


def read_environment() -> dict[str, str]:
    """Return the variables in `.env` and in the environment. The environment has precedence."""
    variables = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    return variables | dict(os.environ)
