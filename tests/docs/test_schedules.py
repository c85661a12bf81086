"""The documented schedules work, as far as they can be tested here."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from demo.postgres import embedded_postgres
from emulator.data.account import Account
from emulator.server import TOKEN
from tests.conftest import open_lab
from tests.targets.postgres import query
from tests.tools.docs import ROOT, blocks, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Lab

pytestmark = pytest.mark.loads

PROGRAMS = Path(sys.executable).parent
CRON_FIELD = r"(\*|\d+(,\d+)*)(/\d+)?"


def loaded(name: str) -> Any:
    """Return the only YAML block of a page on a schedule."""
    (block,) = blocks(page(f"deploy/{name}"), "yaml")
    return yaml.safe_load(block)


def steps() -> list[dict[str, str]]:
    """Return the steps of the documented workflow."""
    found: list[dict[str, str]] = loaded("github-actions")["jobs"]["load"]["steps"]
    return found


def expressions() -> list[str]:
    """Return the cron expression of each documented schedule."""
    crontabs = [
        *blocks(page("deploy/cron"), "text"),
        blocks(page("get-started/tutorial"), "text")[-1],
    ]
    return [
        loaded("meltano")["schedules"][0]["interval"],
        loaded("kubernetes")["spec"]["schedule"],
        loaded("github-actions")[True]["schedule"][0]["cron"],  # YAML reads the key "on" as true
        *(" ".join(line.split()[:5]) for line in crontabs),
    ]


def test_cron_expressions() -> None:
    """Each expression has five fields that cron understands."""
    assert len(expressions()) == 7
    for expression in expressions():
        fields = expression.split()
        assert len(fields) == 5
        assert all(re.fullmatch(CRON_FIELD, field) for field in fields)


def test_cronjob() -> None:
    """The CronJob has the required fields, forbids concurrent runs, and contains no secret."""
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
    """The workflow uses this repository's actions, and takes secrets from the secret store."""
    used = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert all(step["uses"] in used for step in steps() if "uses" in step)
    workflow = loaded("github-actions")
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["cancel-in-progress"] is False
    for name, value in workflow["jobs"]["load"]["env"].items():
        is_secret = re.search("TOKEN|KEY|_URL", name)
        assert value.startswith("${{ secrets.") == bool(is_secret), name


def test_all_run_the_same_plugins() -> None:
    """All schedules run the plugins of the tutorial's project."""
    (project,) = blocks(page("get-started/tutorial"), "yaml")
    plugins = yaml.safe_load(project)["plugins"].values()
    names = " ".join(plugin["name"] for kind in plugins for plugin in kind)
    (container,) = loaded("kubernetes")["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert " ".join([*container["command"], *container["args"]]) == f"meltano run {names}"
    assert steps()[-1]["run"] == f"meltano run {names}"
    assert loaded("meltano")["jobs"][0]["tasks"] == [names]
    assert f"meltano run {names} " in page("deploy/cron")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """Run a PostgreSQL server, and yield its URL."""
    with embedded_postgres(tmp_path / "data") as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, database: str) -> Path:
    """Make a folder with the script and its settings, as the page on cron describes."""
    folder = tmp_path / "support"
    folder.mkdir()
    (folder / "run-sync").write_text(blocks(page("deploy/cron"), "bash")[0])
    (folder / "config.json").write_text("{}")
    target = {"sqlalchemy_url": database, "default_target_schema": "hubspot"}
    (folder / "target.json").write_text(json.dumps(target))
    return folder


def run(folder: Path, lab: Lab, token: str = TOKEN) -> tuple[int, str]:
    """Run the script once, and return its exit code and output."""
    environment = os.environ | {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
        "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": token,
        "TAP_HUBSPOT_THREADS_API_URL": lab.emulator.url,
    }
    done = subprocess.run(
        ["bash", folder / "run-sync"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_script_for_cron(folder: Path, database: str) -> None:
    """The script loads, resumes from its state, and reports errors with the right exit code.

    After a successful load, the script runs `after-load` and ends with its exit code.
    """
    with open_lab(Account.sample(20)) as lab:
        lab.account.behavior.status_filter = "works"
        assert run(folder, lab) == (0, "")
        count = "SELECT count(*) FROM hubspot.threads"
        assert query(database, count) == [{"count": 20}]
        state = (folder / "state.json").read_text(encoding="utf-8")
        exit_code, output = run(folder, lab, token="pat-na1-wrong")
        assert exit_code == 78
        assert output.startswith("The tap ended with exit code 78:\n")
        assert "check the setting access_token" in output.splitlines()[-1]
        assert (folder / "state.json").read_text(encoding="utf-8") == state
        lab.account.message(lab.account.create(), sent=False)
        lab.emulator.requests.clear()
        after = folder / "after-load"
        after.write_text("#!/bin/sh\necho The SQL failed.\nexit 3\n")
        assert run(folder, lab) == (0, "")
        after.chmod(0o755)
        assert run(folder, lab) == (3, "The SQL failed.\n")
        assert query(database, count) == [{"count": 21}]
        assert not lab.calls(r"sort=id(?!.*(threadStatus|after=))")
        lab.script(status=477, headers={"Retry-After": "90000"}, times=100)
        assert run(folder, lab) == (75, "")
        lab.emulator.faults.clear()
        target = folder / "target.json"
        target.write_text(target.read_text(encoding="utf-8").replace("/data", "/nowhere"))
        exit_code, output = run(folder, lab)
        assert exit_code == 1
        assert output.startswith("The target ended with exit code 1. Its log ends with:\n")


def test_script_for_cron_with_an_empty_state(folder: Path, database: str) -> None:
    """An empty state file is an error, and does not start a first sync."""
    (folder / "state.json").touch()
    with open_lab(Account.sample(20)) as lab:
        exit_code, output = run(folder, lab)
        assert exit_code == 78
        assert "--state state.json: not JSON" in output
        assert lab.calls(".") == []
    assert query(database, "SELECT to_regclass('hubspot.threads') AS name") == [{"name": None}]
    assert (folder / "state.json").read_text(encoding="utf-8") == ""


def test_script_for_cron_after_a_kill(folder: Path) -> None:
    """The script resumes from the last complete state of a killed run, if this state is newer."""
    saved, states = folder / "state.json", folder / "states.jsonl"
    with open_lab(Account.sample(20)) as lab:
        lab.account.behavior.status_filter = "works"
        assert run(folder, lab) == (0, "")
        assert not states.exists()
        state = saved.read_text(encoding="utf-8")
        lab.emulator.requests.clear()
        saved.rename(states)
        assert run(folder, lab) == (0, "")
        for text, age in (("{}\n", 3600), ('{"bookmarks": {', 0)):
            states.write_text(text, encoding="utf-8")
            os.utime(states, (time.time() - age, time.time() - age))
            assert run(folder, lab) == (0, "")
        assert json.loads(saved.read_text(encoding="utf-8")).keys() == json.loads(state).keys()
        assert not lab.calls(r"sort=id(?!.*(threadStatus|after=))")


def test_script_for_cron_with_a_catalog(folder: Path, database: str) -> None:
    """A catalog file selects streams, and a second script does nothing while the first one runs."""
    (select,) = blocks(page("configure/messages"), "python")
    (command,) = re.findall("select_streams.py (.*) <", page("configure/messages"))
    (folder / "select_streams.py").write_text(select)
    with open_lab(Account.sample(20)) as lab:
        (folder / "config.json").write_text(json.dumps(lab.config()))
        tap = [str(PROGRAMS / "tap-hubspot-threads"), "--config", "config.json", "--discover"]
        found = subprocess.run(tap, cwd=folder, capture_output=True, check=True)
        made = subprocess.run(
            [sys.executable, "select_streams.py", *command.split()],
            cwd=folder,
            input=found.stdout,
            capture_output=True,
            check=True,
        )
        catalog = json.loads(made.stdout)
        (messages,) = [one for one in catalog["streams"] if one["tap_stream_id"] == "messages"]
        for entry in messages["metadata"]:
            if entry["breadcrumb"] == ["properties", "text"]:
                entry["metadata"]["selected"] = False
        (folder / "catalog.json").write_text(json.dumps(catalog))
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert run(folder, lab) == (0, "")
            assert lab.calls(".") == []
        assert run(folder, lab) == (0, "")
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'hubspot'"
    assert sorted(row["table_name"] for row in query(database, tables)) == sorted(command.split())
    row = query(database, "SELECT * FROM hubspot.messages LIMIT 1")[0]
    assert "subject" in row
    assert "text" not in row


@pytest.mark.parametrize("name", ["deploy/cron", "get-started/tutorial"])
def test_crontab_with_meltano(name: str, tmp_path: Path) -> None:
    """A successful run prints nothing, a failed run its last lines, and a locked run nothing."""
    (line,) = [block for block in blocks(page(name), "text") if "bin/meltano run" in block]
    command = line.split(maxsplit=5)[5].replace("/srv/support", str(tmp_path / "support"))
    meltano = tmp_path / "support" / ".venv" / "bin" / "meltano"
    meltano.parent.mkdir(parents=True)

    def run_line(exit_code: int) -> str:
        lines = "for i in $(seq 30); do echo line $i; done"
        meltano.write_text(f"#!/bin/sh\n{lines}; exit {exit_code}")
        meltano.chmod(0o755)
        done = subprocess.run(
            ["sh", "-c", command],
            env=os.environ | {"HOME": str(tmp_path)},
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout + done.stderr

    assert run_line(0) == ""
    assert run_line(1).splitlines() == [f"line {i}" for i in range(11, 31)]
    if "flock" in command:
        with (tmp_path / "support" / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert run_line(1) == ""
