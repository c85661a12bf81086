"""Chooses the exit code and the last log line for an error that ends the command.

| Code | Cause |
|---|---|
| 0 | no error; an item that failed in several syncs in a row causes only a warning |
| 1 | items could not be read, most open threads were not found, or writing failed |
| 2 | wrong use of the command line |
| 75 | a later sync may succeed |
| 78 | every sync fails until the user fixes the cause |
| 128 + n | signal n stopped the sync |

`OSError` and `MemoryError` have the code 1. Other errors define their code: `exit_code`.
"""

from __future__ import annotations

from tap_hubspot_threads.errors import (
    EXIT_INCOMPLETE,
    HubSpotError,
    OutputError,
    SettingsError,
    StateError,
)
from tap_hubspot_threads.signals import Stopped

ENDING_ERRORS = (
    Stopped,
    SettingsError,
    StateError,
    HubSpotError,
    OutputError,
    OSError,
    MemoryError,
)
"""The errors that may end the command. Any other exception except click's is a bug: Python prints
a traceback."""


def exit_code_and_line(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the log line for an error.

    Args:
        error: One of `ENDING_ERRORS`.
    """
    if isinstance(error, Stopped):
        return error.exit_code, f"{error}. Run the sync again: it resumes from the last STATE."
    if isinstance(error, (SettingsError, StateError, HubSpotError, OutputError)):
        return error.exit_code, str(error)
    line = f"Reading or writing failed: {error}. Fix the problem and run the sync again."
    if isinstance(error, MemoryError):
        line = (
            "Out of memory. Give the process more memory, or lower max_concurrency, and run the "
            "sync again."
        )
    return EXIT_INCOMPLETE, line
