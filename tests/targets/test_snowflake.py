"""Real loads through target-snowflake into fakesnow, a Snowflake emulator.

`make test-snowflake` runs this. It gets the target and fakesnow from the package registry.
`docs/destinations/snowflake.md` says what it proves and what it does not.
"""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.data.account import Account
from tests.conftest import open_lab
from tests.targets.columns import COLUMNS, FLAG, JSON, TEXT, TIME, snake
from tests.targets.expected import Tables, add_account, differences, empty_tables
from tests.targets.hostile import HostileAccount
from tests.targets.pipe import Pipe
from tests.targets.scenario import three_syncs

if TYPE_CHECKING:
    from tests.conftest import Lab

pytestmark = [
    pytest.mark.snowflake,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="fakesnow needs Python 3.11"),
]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "destinations" / "snowflake.md"
TYPES = {
    TEXT: "VARCHAR(16777216)",
    TIME: "TIMESTAMP_NTZ(9)",
    FLAG: "BOOLEAN",
    JSON: "VARIANT",
}
"""The Snowflake type of each type of column."""
WITH_ROWS = COLUMNS.keys() - {"deleted_threads", "thread_index"}
"""Streams of which each sync here emits rows."""


class Warehouse:
    """An emulated Snowflake in a folder, and a pipe into it.

    Args:
        lab: Serves the account.
        folder: Keeps the databases and files.
        settings: Settings of the target, in addition to the documented ones.
    """

    def __init__(self, lab: Lab, folder: Path, **settings: Any) -> None:
        databases, config = folder / "db", folder / "target.json"
        self._report = folder / "report.json"
        databases.mkdir()
        config.write_text(json.dumps(documented_settings() | settings))
        requirements = ROOT / "tests" / "targets" / "snowflake" / "requirements.txt"
        command: list[str | Path] = [os.environ["UV"], "run", "--quiet", "--no-project"]
        command += ["--isolated", "--directory", ROOT, "--python", sys.executable]
        command += ["--with-requirements", requirements, "--", "python"]
        command += ["-m", "tests.targets.snowflake.load", databases, config, self._report]
        self.pipe = Pipe(lab, folder, command, streams=list(COLUMNS))

    def report(self) -> dict[str, Any]:
        """Return the tables after the last load, and check that each used the stage once."""
        report = json.loads(self._report.read_text(encoding="utf-8"))
        (times,) = set(report["done"].values())
        assert report["done"].keys() == {"put", "merge", "remove", "drop format"}
        assert times >= len(WITH_ROWS)
        assert report["left"] == {}
        tables: dict[str, Any] = report["tables"]
        return tables

    def tables(self) -> Tables:
        """Return all rows without the target's own columns, and check that each ID is unique."""
        tables: Tables = {}
        for stream in COLUMNS:
            rows = self.report()[stream.upper()]["rows"]
            tables[stream] = {row["ID"]: _row(stream, row) for row in rows}
            assert len(tables[stream]) == len(rows)
        return tables

    def types(self) -> dict[str, dict[str, str]]:
        """Return the column types by table, without the target's own columns."""
        return {
            name: {key: kind for key, kind in table["columns"].items() if key[:5] != "_SDC_"}
            for name, table in self.report().items()
        }


def documented_settings() -> dict[str, Any]:
    """Return the documented settings, with a password instead of a key."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (loader,) = yaml.safe_load(block)["plugins"]["loaders"]
    (locked,) = re.findall(
        r"^meltanolabs-target-snowflake==\S+",
        (ROOT / "tests" / "targets" / "snowflake" / "requirements.txt").read_text(),
        re.MULTILINE,
    )
    assert loader["pip_url"] == locked
    settings: dict[str, Any] = loader["config"]
    del settings["private_key_path"], settings["private_key_passphrase"]
    return settings | {"password": "none"}


def _row(stream: str, found: dict[str, Any]) -> dict[str, Any]:
    row = {name: found[snake(name).upper()] for name in COLUMNS[stream]}
    for name, kind in COLUMNS[stream].items():
        if kind == TIME and row[name] is not None:
            row[name] = datetime.fromisoformat(row[name])
        if kind == JSON and row[name] is not None:
            row[name] = json.loads(row[name])
    return row


def test_three_syncs(tmp_path: Path) -> None:
    """After each of three syncs of all streams, every value and type equals the account's."""
    with open_lab(Account.sample(60)) as lab:
        warehouse = Warehouse(lab, tmp_path)
        for expected in three_syncs(lab):
            warehouse.pipe.run()
            assert list(differences(warehouse.tables(), expected)) == []
    assert warehouse.types() == {
        stream.upper(): {snake(name).upper(): TYPES[kind] for name, kind in columns.items()}
        for stream, columns in COLUMNS.items()
    }


def test_hostile_texts(tmp_path: Path) -> None:
    """Each text column stores any text, even 1 MB, apart from characters no database can store."""
    expected = empty_tables()
    with open_lab(HostileAccount()) as lab:
        add_account(expected, lab.account)
        warehouse = Warehouse(lab, tmp_path)
        warehouse.pipe.run()
    assert list(differences(warehouse.tables(), expected)) == []


def test_shim_is_strict(tmp_path: Path) -> None:
    """The emulated stage refuses any statement that it does not know."""
    with open_lab(Account.sample(3)) as lab:
        warehouse = Warehouse(lab, tmp_path, load_method="append-only")
        with pytest.raises(AssertionError, match="not known to the stage: copy into"):
            warehouse.pipe.run()
