"""The schedules of the documentation, as far as they can be held against something here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.account import Account
from emulator.postgres import embedded_postgres
from emulator.server import TOKEN
from tests.conftest import open_lab
from tests.docs import ROOT, blocks, page
from tests.targets.postgres import query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Lab

pytestmark = pytest.mark.loads

PROGRAMS = Path(sys.executable).parent
CRON_FIELD = r"(\*|\d+(,\d+)*)(/\d+)?"


def loaded(name: str) -> Any:
    """Return the one block of YAML of a page."""
    (block,) = blocks(page(f"how-to/schedule-{name}"), "yaml")
    return yaml.safe_load(block)


def steps() -> list[dict[str, str]]:
    """Return the steps of the workflow."""
    found: list[dict[str, str]] = loaded("github-actions")["jobs"]["load"]["steps"]
    return found


def expressions() -> list[str]:
    """Return when to run, of each schedule."""
    crontabs = [*blocks(page("how-to/schedule-cron"), "text"), blocks(page("tutorial"), "text")[-1]]
    return [
        loaded("meltano")["schedules"][0]["interval"],
        loaded("kubernetes")["spec"]["schedule"],
        loaded("github-actions")[True]["schedule"][0]["cron"],  # YAML's "on"
        *(" ".join(line.split()[:5]) for line in crontabs),
    ]


def test_cron_expressions() -> None:
    """Each expression has five fields that cron understands."""
    assert len(expressions()) == 6
    for expression in expressions():
        fields = expression.split()
        assert len(fields) == 5
        assert all(re.fullmatch(CRON_FIELD, field) for field in fields)


def test_cronjob() -> None:
    """The CronJob has what Kubernetes requires, starts no second run, and holds no secret."""
    job = loaded("kubernetes")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] in {"Never", "OnFailure"}
    (container,) = pod["containers"]
    assert {"name", "image"} <= container.keys()
    for variable in container["env"]:
        is_secret = re.search("TOKEN|URL$", variable["name"])
        assert ("valueFrom" in variable) == bool(is_secret), variable


def test_workflow() -> None:
    """The workflow's actions are those that this repository uses; its secrets are secrets."""
    used = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert all(step["uses"] in used for step in steps() if "uses" in step)
    workflow = loaded("github-actions")
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["cancel-in-progress"] is False
    for name, value in workflow["jobs"]["load"]["env"].items():
        is_secret = re.search("TOKEN|KEY|_URL", name)
        assert value.startswith("${{ secrets.") == bool(is_secret), name


def test_same_run_everywhere() -> None:
    """Each of them runs the plugins of the tutorial's project."""
    (project,) = blocks(page("tutorial"), "yaml")
    plugins = yaml.safe_load(project)["plugins"].values()
    names = " ".join(plugin["name"] for kind in plugins for plugin in kind)
    (container,) = loaded("kubernetes")["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert " ".join([*container["command"], *container["args"]]) == f"meltano run {names}"
    assert steps()[-1]["run"] == f"meltano run {names}"
    assert loaded("meltano")["jobs"][0]["tasks"] == [names]
    assert f"meltano run {names} " in page("how-to/schedule-cron")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """Run a PostgreSQL, and give its URL."""
    with embedded_postgres(tmp_path / "data") as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, database: str) -> Path:
    """Make a folder with the script and its settings, as the page on cron has it."""
    folder = tmp_path / "support"
    folder.mkdir()
    (folder / "sync").write_text(blocks(page("how-to/schedule-cron"), "bash")[0])
    (folder / "config.json").write_text("{}")
    target = {"sqlalchemy_url": database, "default_target_schema": "hubspot"}
    (folder / "target.json").write_text(json.dumps(target))
    return folder


def run(folder: Path, lab: Lab, token: str = TOKEN) -> int:
    """Run the script once; return its exit code."""
    environment = os.environ | {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
        "SUPPORT_FOLDER": str(folder),
        "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": token,
        "TAP_HUBSPOT_THREADS_API_URL": lab.emulator.url,
    }
    done = subprocess.run(
        ["bash", folder / "sync"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""
    return done.returncode


def test_script_for_cron(folder: Path, database: str) -> None:
    """It loads, goes on from its state, hands the tap's exit code on, and then goes on again."""
    with open_lab(Account.sample(20)) as lab:
        lab.account.ways.status_filter = "works"
        assert run(folder, lab) == 0
        count = "SELECT count(*) FROM hubspot.threads"
        assert query(database, count) == [{"count": 20}]
        state = (folder / "state.json").read_text(encoding="utf-8")
        assert run(folder, lab, token="pat-na1-wrong") == 78
        assert (folder / "state.json").read_text(encoding="utf-8") == state
        last_line = (folder / "tap.log").read_text(encoding="utf-8").splitlines()[-1]
        assert "check the setting access_token" in last_line
        lab.account.message(lab.account.create(), sent=False)
        lab.emulator.requests.clear()
        assert run(folder, lab) == 0
        assert query(database, count) == [{"count": 21}]
        assert not lab.calls(r"sort=id(?!.*threadStatus)")
