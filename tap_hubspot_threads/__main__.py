"""The command: whatever ends a sync early becomes one line on stderr that says what to do."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import redirect_stdout, suppress
from typing import TextIO

import click

from tap_hubspot_threads.errors import (
    EXIT_INCOMPLETE,
    HubSpotError,
    OutputError,
    SettingsError,
    StateError,
)
from tap_hubspot_threads.settings.cli_inputs import check_log_level
from tap_hubspot_threads.signals import Stopped
from tap_hubspot_threads.singer.stdout import written_whole
from tap_hubspot_threads.tap import TapHubSpotThreads

EXPECTED = (SettingsError, StateError, HubSpotError, OutputError)
"""What ends a sync with a message that says what to do, and an exit code of its own."""

STDERR = 2

IDLE_WORDS = ("Skipping parse of env var", "Parsing env var")
"""How lines of the SDK's begin that tell nobody anything."""


def main() -> None:
    """Run the tap's command line.

    The exit code is 0 if everything is done, 2 for a wrong call, 128 + the signal that stopped the
    sync, that of the error that ended it (`errors`), and 1 if reading or writing failed.
    """
    if sys.stderr is None:
        _discard_log()
    if sys.stdout is None:
        sys.exit("Could not write to standard output: it is closed. Pipe the tap into a target.")
    TapHubSpotThreads.logger.addFilter(_is_worth_reading)
    with redirect_stdout(written_whole(sys.stdout)):
        exit_code = _run()
    _flush(sys.stderr)
    sys.exit(exit_code)


def _run() -> int:
    """Run the command and write all its output; return the exit code."""
    try:
        exit_code = _run_command()
        sys.stdout.flush()
    except Stopped as stopped:
        _say(f"{stopped}. What the last STATE covers is done; run the sync again.")
        return stopped.exit_code
    except EXPECTED as error:
        _say(str(error))
        return error.exit_code
    except OSError as error:
        _say(f"Reading or writing failed: {error}. Mend that, and run the sync again.")
        return EXIT_INCOMPLETE
    except MemoryError:
        _say("Out of memory. Give the process more memory or lower max_concurrency, and run again.")
        return EXIT_INCOMPLETE
    return exit_code


def _run_command() -> int:
    try:
        check_log_level(os.environ)
        command = TapHubSpotThreads.cli
        # Not command.main(), which ends the process by itself when the target closes the pipe.
        with command.make_context(TapHubSpotThreads.name, sys.argv[1:]) as context:
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        with suppress(OSError):  # stderr may be closed
            error.show()
        return error.exit_code
    return 0


def _discard_log() -> None:
    """Open stderr, if it is closed, on nothing; else the next file opened would be stderr."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDERR)
    sys.stderr = open(STDERR, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good


def _say(line: str) -> None:
    """Log what went wrong as an error; louder where errors are not to be seen."""
    log = TapHubSpotThreads.logger
    log.log(max(logging.ERROR, log.getEffectiveLevel()), "%s", line)


def _is_worth_reading(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(IDLE_WORDS)


def _flush(stream: TextIO) -> None:
    """Write what is buffered, or drop it if nobody reads it.

    Python itself would do so with a traceback and an exit code of its own.
    """
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
