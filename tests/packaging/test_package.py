"""The built package, installed in an empty environment and run there.

`make test-package` runs this. It gets dependencies from the package registry.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Lab

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.package


def uv(*arguments: object) -> str:
    """Run uv in the project, and return its output."""
    command = [os.environ["UV"], *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Installed:
    """A distribution that is installed in an environment of its own."""

    distribution: Path
    folder: Path

    def run(self, *arguments: str) -> str:
        """Run the installed command outside the project, and return its output."""
        program = self.folder / "bin" / "tap-hubspot-threads"
        clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
        done = subprocess.run(
            [program, *arguments],
            cwd=self.folder,
            env=clean,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """Build the package, and install the wheel or the sdist with the locked dependencies."""
    folder = tmp_path_factory.mktemp("package")
    uv("build", "--quiet", "--out-dir", folder)
    (distribution,) = folder.glob(request.param)
    locked = folder / "locked.txt"
    locked.write_text(uv("export", "--quiet", "--locked", "--no-dev", "--no-emit-project"))
    environment = folder / "environment"
    uv("venv", "--quiet", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--requirement", locked, distribution)
    return Installed(distribution, environment)


def test_same_catalog(installed: Installed) -> None:
    """The installed package has the same catalog as an editable install."""
    editable = [sys.executable, "-m", "tap_hubspot_threads", "--discover"]
    expected = subprocess.run(editable, capture_output=True, encoding="utf-8", check=True).stdout
    assert json.loads(installed.run("--discover")) == json.loads(expected)


def test_sync(installed: Installed, lab: Lab) -> None:
    """The installed package syncs an account."""
    config = installed.folder / "config.json"
    config.write_text(json.dumps(lab.config()))
    messages = [json.loads(line) for line in installed.run("--config", str(config)).splitlines()]
    records = [m["record"]["id"] for m in messages if m["type"] == "RECORD"]
    assert records == lab.ids


def test_contents(installed: Installed) -> None:
    """The package contains the tap, its types, schemas, license and README, and nothing else."""
    path = installed.distribution
    if path.suffix == ".whl":
        names = zipfile.ZipFile(path).namelist()
        metadata = "tap_hubspot_threads-"
        top = {name for name in names if not name.startswith(("tap_hubspot_threads/", metadata))}
        assert top == set()
    else:
        with tarfile.open(path) as archive:
            names = [name.partition("/")[2] for name in archive.getnames()]
        top = {name for name in names if not name.startswith("tap_hubspot_threads/")}
        assert top - {".gitignore"} == {"LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    for file in ("py.typed", "schemas/threads.json", "schemas/deleted_threads.json"):
        assert f"tap_hubspot_threads/{file}" in names
