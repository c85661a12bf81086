"""The compose file of examples/docker: its text, and its load run without a container engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from demo.postgres import embedded_postgres
from emulator.data.account import Account
from emulator.server import TOKEN
from tests.conftest import open_lab
from tests.packaging.test_containerfile import FINAL
from tests.targets.postgres import query
from tests.tools.docs import ROOT, blocks, page

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = ROOT / "examples" / "docker" / "compose.yml"
COMPOSE = yaml.safe_load(PATH.read_text(encoding="utf-8"))
WAREHOUSE, LOAD = COMPOSE["services"]["warehouse"], COMPOSE["services"]["load"]
PROGRAMS = Path(sys.executable).parent
VARIABLE = re.compile(r"\$\{(\w+)(?::\?[^}]*)?\}")


def fill(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the load, with the values of `.env`."""
    environment: dict[str, str] = LOAD["environment"]
    return {
        name: VARIABLE.sub(lambda match: variables[match[1]], value)
        for name, value in environment.items()
    }


def test_image() -> None:
    """The image is a stage of the Containerfile, which the build's context contains."""
    build = LOAD["build"]
    context = (PATH.parent / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).exists()
    assert build["target"] in {stage.name for stage in FINAL}


def test_secrets() -> None:
    """Every secret comes from `.env`, and a missing one is an error."""
    (env,) = blocks(page("deploy/docker"), "ini")
    documented = {line.partition("=")[0] for line in env.splitlines()}
    text = PATH.read_text(encoding="utf-8")
    assert set(VARIABLE.findall(text)) == documented
    for name in documented:
        assert f"${{{name}:?" in text
    for name, value in (LOAD["environment"] | WAREHOUSE["environment"]).items():
        if re.search("TOKEN|PASSWORD|_URL", name):
            assert VARIABLE.search(value), name


def test_services() -> None:
    """The load waits for a healthy PostgreSQL whose data is in a volume, and `up` skips it."""
    assert LOAD["depends_on"] == {"warehouse": {"condition": "service_healthy"}}
    assert WAREHOUSE["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert "timezone=UTC" in WAREHOUSE["command"]
    (mount,) = WAREHOUSE["volumes"]
    assert mount.partition(":")[0] in COMPOSE["volumes"]
    assert LOAD["profiles"]
    assert f"@warehouse/{WAREHOUSE['environment']['POSTGRES_DB']}" in str(LOAD["environment"])


def test_commands() -> None:
    """The page's compose commands name services of the file, and its build names a stage."""
    console = "\n".join(blocks(page("deploy/docker"), "console"))
    for service in re.findall(r"compose (?:run --rm --build|exec) (\w+)", console):
        assert service in COMPOSE["services"]
    for stage in re.findall(r"--target (\w+)", console):
        assert stage in {final.name for final in FINAL}


@pytest.mark.loads
def test_load(tmp_path: Path) -> None:
    """The service's command and environment load an account, twice, and save the state."""
    (stage,) = (final for final in FINAL if final.name == LOAD["build"]["target"])
    _, program = json.loads(stage.last("ENTRYPOINT"))
    runner = next((ROOT / "examples").rglob(Path(program).name))
    (said,) = re.findall(r"output ends with `(.*?: )\.\.\.`", page("deploy/docker"))
    with embedded_postgres(tmp_path / "data") as url, open_lab(Account.sample(20)) as lab:
        environment = fill({"HUBSPOT_TOKEN": TOKEN, "WAREHOUSE_PASSWORD": "none"})
        for name, value in environment.items():
            environment[name] = url if "@warehouse/" in value else value
        environment["TAP_HUBSPOT_THREADS_API_URL"] = lab.emulator.url
        environment["PATH"] = f"{PROGRAMS}:{os.environ['PATH']}"
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, runner, *LOAD["command"]],
                env=environment,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.splitlines()[-1].startswith(said)
        (count,) = query(url, "SELECT count(*) FROM hubspot.threads")
        assert count["count"] == 20
        (state,) = query(url, "SELECT account FROM singer_states")
        assert [state["account"]] == LOAD["command"]
