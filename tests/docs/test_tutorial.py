"""Follow the tutorial with the built wheel: its project, its commands, its SQL.

`make test-package` runs this. Meltano installs both plugins from the package registry.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.postgres import embedded_postgres
from emulator.data.account import Account
from emulator.server import TOKEN
from tests.conftest import open_lab
from tests.packaging.test_package import uv
from tests.targets.postgres import query
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.package

TUTORIAL = page("get-started/tutorial")
PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """Run a PostgreSQL server, and yield its URL."""
    with embedded_postgres(tmp_path / "data") as url:
        yield url


def commands() -> list[str]:
    """Return the tutorial's Meltano commands, without `--version`."""
    lines = "\n".join(blocks(TUTORIAL, "console")).splitlines()
    found = [line.removeprefix("$ .venv/bin/meltano ") for line in lines if "bin/meltano" in line]
    return [command for command in found if command != "--version"]


def words_of(text: str) -> list[str]:
    """Return the words of a text, without what differs from run to run."""
    return re.findall(r"[a-zA-Z]+", re.sub(r"\d+(\.\d+)? (s|calls/s)\b", "", text))


def test_tutorial(tmp_path: Path, database: str) -> None:
    """Each command prints what the tutorial shows, and the table holds the rows that it shows."""
    folder = tmp_path / "support"
    folder.mkdir()
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path / "dist")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    project = re.sub(r"(pip_url): tap-.*", rf"\1: {wheel}", blocks(TUTORIAL, "yaml")[0])
    (folder / "meltano.yml").write_text(project, encoding="utf-8")
    outputs = []
    with open_lab(Account.sample(60)) as lab:
        secrets = blocks(TUTORIAL, "ini")[0].replace("pat-na1-...", TOKEN)
        secrets = re.sub(r"(SQLALCHEMY_URL)=.*", rf"\1={database}", secrets)
        secrets += f"TAP_HUBSPOT_THREADS_API_URL={lab.emulator.url}\n"
        (folder / ".env").write_text(secrets, encoding="utf-8")
        environment = {name: text for name, text in os.environ.items() if "MELTANO" not in name}
        environment["PATH"] = f"{PROGRAMS}:{environment['PATH']}"
        for command in commands():
            done = subprocess.run(
                [PROGRAMS / "meltano", *command.split()],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            outputs.append(" ".join(words_of(done.stderr)))
    _, test, first, again = outputs
    shown = [block for block in blocks(TUTORIAL, "console") if "bin/meltano run" in block]
    (checked,) = [block for block in blocks(TUTORIAL, "console") if "--test" in block]
    for line in checked.splitlines()[1:]:
        assert " ".join(words_of(line)) in test
    for line in shown[0].splitlines()[1:]:
        assert " ".join(words_of(line)) in first
    assert "Sync complete" in again
    rows = query(database, blocks(TUTORIAL, "sql")[0])
    expected = re.findall(
        r"^ (\w+) +\| +(\d+) \| +(\d+) \|", blocks(TUTORIAL, "text")[0], re.MULTILINE
    )
    assert [(row["status"], row["threads"], row["with_a_ticket"]) for row in rows] == [
        (status, int(threads), int(tickets)) for status, threads, tickets in expected
    ]
