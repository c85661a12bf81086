"""The command: whatever ends a sync early becomes one line on stderr that says what to do."""

from __future__ import annotations

import sys

import click
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.tap import TapHubSpotThreads


def main() -> None:
    """Run the tap's command line; exit code 0 where all is done, else 1, or 2 for a wrong call."""
    command = TapHubSpotThreads.cli
    try:
        exit_code = command.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        exit_code = error.exit_code
    except (SettingsError, FatalAPIError, RetriableAPIError) as error:
        TapHubSpotThreads.logger.critical("%s", error)
        exit_code = 1
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
