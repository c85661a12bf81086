"""The command: whatever ends a sync early becomes one line on stderr that says what to do."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

from tap_hubspot_threads.contract import HubSpotError, SettingsError, StateError
from tap_hubspot_threads.settings.inputs import PREFIX, check_log_level
from tap_hubspot_threads.stopping import Stopped
from tap_hubspot_threads.tap import TapHubSpotThreads

EXPECTED = (SettingsError, StateError, HubSpotError)
"""What ends a sync with a message that says what to do."""


def main() -> None:
    """Run the tap's command line.

    The exit code is 0 where all is done, 2 for a wrong call, 128 + the signal where one stopped the
    sync, else 1.
    """
    if sys.stdout is None:
        sys.exit("There is no standard output to write to.")
    exit_code = _run()
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    sys.exit(exit_code)


def _run() -> int:
    log = TapHubSpotThreads.logger
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
        log.critical("%s. What the last STATE covers is done; run the sync again.", stopped)
        return stopped.exit_code
    except EXPECTED as error:
        log.critical("%s", error)
    except BrokenPipeError:
        log.critical("The target has closed the pipe; what it says, or its log, has the reason.")
    except OSError as error:
        log.critical("Reading or writing failed: %s", error)
    else:
        return 0
    return 1


def _flush(stream: TextIO) -> None:
    """Write what is buffered, or drop it where nobody reads any more.

    Left to Python's own end, that would be a traceback, and an exit code of Python's.
    """
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
