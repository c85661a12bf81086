"""The command line: runs the tap, logs an error as one line, and sets the exit code."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import redirect_stdout, suppress
from typing import TextIO

import click

from tap_hubspot_threads.exit_codes import ENDING_ERRORS, exit_code_and_line
from tap_hubspot_threads.settings.cli_inputs import check_log_level
from tap_hubspot_threads.singer.stdout import as_output
from tap_hubspot_threads.tap import TapHubSpotThreads

STDERR = 2

NOISE_PREFIXES = ("Skipping parse of env var", "Parsing env var")
"""The SDK's log lines that start with one of these prefixes are dropped. They help no user."""


def main() -> None:
    """Run the tap's command line, and exit with one of the codes in `exit_codes`."""
    if sys.stderr is None:
        _discard_log()
    if sys.stdout is None:
        sys.exit("Could not write to standard output: it is closed. Pipe the tap into a target.")
    TapHubSpotThreads.logger.addFilter(_is_useful)
    with redirect_stdout(as_output(sys.stdout)):
        exit_code = _run()
    _flush(sys.stderr)
    sys.exit(exit_code)


def _run() -> int:
    """Run the command, flush its output, and return the exit code."""
    try:
        exit_code = _run_command()
        sys.stdout.flush()
    except ENDING_ERRORS as error:
        exit_code, line = exit_code_and_line(error)
        _log_error(line)
    return exit_code


def _run_command() -> int:
    try:
        check_log_level(os.environ)
        command = TapHubSpotThreads.cli
        # Do not use command.main(): it ends the process when the target closes the pipe.
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
    """Open the null device in place of a closed stderr.

    If the descriptor of stderr (2) stayed closed, the next file that the process opens could get
    this descriptor. Text for stderr would then end up in that file.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDERR)
    sys.stderr = open(STDERR, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - stays open


def _log_error(line: str) -> None:
    """Log a line at level ERROR, or at level CRITICAL if the log shows only CRITICAL."""
    log = TapHubSpotThreads.logger
    log.log(max(logging.ERROR, log.getEffectiveLevel()), "%s", line)


def _is_useful(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(NOISE_PREFIXES)


def _flush(stream: TextIO) -> None:
    """Write the buffered text of a stream. If that fails, redirect the stream to the null device.

    At exit, Python writes the text that is left in the buffer. If that failed too, Python would
    exit with code 120 instead of the tap's exit code.
    """
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
