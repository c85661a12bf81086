"""Pipe the tap into a real target with processes, as users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Lab

PROGRAMS = Path(sys.executable).parent


class Pipe:
    """Runs the tap and a target. Each run resumes from the previous run's state.

    Every second run sets `PYTHONUNBUFFERED`, as most container images do.

    Args:
        lab: Serves the account.
        folder: Keeps the files that one run hands to the next.
        target: The target's command.
        streams: The selected streams. Empty: the tap's default selection.
    """

    def __init__(
        self, lab: Lab, folder: Path, target: Sequence[str | Path], *, streams: Sequence[str] = ()
    ) -> None:
        self._lab, self._folder, self._target = lab, folder, target
        self.state = folder / "state.json"
        self._catalog: Path | None = None
        self._runs = 0
        if streams:
            self._catalog = folder / "catalog.json"
            self._catalog.write_text(json.dumps(select(*streams)))

    def run(self, **settings: Any) -> None:
        """Load once. Both processes must exit with code 0."""
        config = self._folder / "tap.json"
        config.write_text(json.dumps(self._lab.config(**settings)))
        command: list[str | Path] = [PROGRAMS / "tap-hubspot-threads", "--config", config]
        command += ["--catalog", self._catalog] if self._catalog else []
        command += ["--state", self.state] if self.state.exists() else []
        environment = os.environ | {"PYTHONUNBUFFERED": "1" if self._runs % 2 else ""}
        self._runs += 1
        with (self._folder / "tap.log").open("w+") as log:
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment
            ) as tap:
                done = subprocess.run(
                    self._target,
                    stdin=tap.stdout,
                    capture_output=True,
                    encoding="utf-8",
                    env=os.environ | {"PYTHONWARNINGS": "ignore"},
                    check=False,
                )
            log.seek(0)
            assert done.returncode == 0, done.stderr
            assert tap.returncode == 0, log.read()
        self.state.write_text(done.stdout.splitlines()[-1])
