"""The command: whatever ends a sync early becomes one line on stderr that says what to do."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

import click

from tap_hubspot_threads.errors import UNREAD, HubSpotError, SettingsError, StateError
from tap_hubspot_threads.settings.inputs import PREFIX, check_log_level
from tap_hubspot_threads.stopping import Stopped
from tap_hubspot_threads.tap import TapHubSpotThreads

EXPECTED = (SettingsError, StateError, HubSpotError)
"""What ends a sync with a message that says what to do, and an exit code of its own."""

IDLE_WORDS = ("Skipping parse of env var", "Parsing env var")
"""How lines of the SDK's begin that tell nobody anything."""


def main() -> None:
    """Run the tap's command line.

    The exit code is 0 where all is done, 2 for a wrong call, 128 + the signal where one stopped the
    sync, that of an error where one ended it (`contract`), and 1 where reading or writing failed.
    """
    if sys.stdout is None:
        sys.exit("There is no standard output to write to.")
    TapHubSpotThreads.logger.addFilter(_is_worth_reading)
    exit_code = _run()
    if not _flush(sys.stdout) and exit_code == 0:
        _say("Writing to standard output failed: the disk may be full. Run the sync again.")
        exit_code = UNREAD
    _flush(sys.stderr)
    sys.exit(exit_code)


def _run() -> int:
    try:
        check_log_level(PREFIX, os.environ)
        command = TapHubSpotThreads.cli
        # Not command.main(), which ends the process by itself when the target closes the pipe.
        with command.make_context(TapHubSpotThreads.name, sys.argv[1:]) as context:
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Stopped as stopped:
        _say(f"{stopped}. What the last STATE covers is done; run the sync again.")
        return stopped.exit_code
    except EXPECTED as error:
        _say(str(error))
        return error.exit_code
    except BrokenPipeError:
        _say("The target has closed the pipe; what it says, or its log, has the reason.")
    except OSError as error:
        _say(f"Reading or writing failed: {error}. Mend that, and run the sync again.")
    else:
        return 0
    return UNREAD


def _say(line: str) -> None:
    """Log what went wrong as an error; louder where errors are not to be seen."""
    log = TapHubSpotThreads.logger
    log.log(max(logging.ERROR, log.getEffectiveLevel()), "%s", line)


def _is_worth_reading(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(IDLE_WORDS)


def _flush(stream: TextIO) -> bool:
    """Write what is buffered, or drop it where nobody reads any more; return whether it went out.

    Left to Python's own end, that would be a traceback, and an exit code of Python's.
    """
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True


if __name__ == "__main__":
    main()
