"""Real loads through targets that need environments of their own.

`make test-other-targets` creates these environments and runs this module.
"""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from tests.conftest import open_lab
from tests.targets.columns import COLUMNS, FIELDS, JSON, TEXT, TIME, snake
from tests.targets.expected import differences
from tests.targets.pipe import Pipe
from tests.targets.scenario import three_syncs
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.targets.expected import Tables
    from tests.targets.postgres import Database

pytestmark = pytest.mark.other_targets

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".targets"


class OtherTarget:
    """A target in an environment of its own, and its command.

    Args:
        name: The name of the environment and of its `load_*` module.
        folder: Keeps the tables and rows.
        name_of: Returns the target's name for a column.
    """

    def __init__(self, name: str, folder: Path, *, name_of: Callable[[str], str]) -> None:
        tables = folder / "tables"
        tables.mkdir()
        self._rows, self._name_of = folder / "rows.json", name_of
        python = ENVIRONMENTS / name / "bin" / "python"
        module = f"tests.targets.others.load_{name}"
        self.command: list[str | Path] = [python, "-W", "ignore", "-m", module, tables, self._rows]

    def tables(self, columns: dict[str, dict[str, str]]) -> Tables:
        """Return the rows that were read after the last load, and check that each ID is unique."""
        found = json.loads(self._rows.read_text(encoding="utf-8"))
        tables: Tables = {}
        for stream, kinds in columns.items():
            rows = [_row(row, kinds, self._name_of) for row in found.get(stream, [])]
            tables[stream] = {row["id"]: row for row in rows}
            assert len(tables[stream]) == len(rows)
        return tables


def _row(
    found: dict[str, Any], kinds: dict[str, str], name_of: Callable[[str], str]
) -> dict[str, Any]:
    row = {name: found[name_of(name)] for name in kinds}
    for name, kind in kinds.items():
        if kind == TIME and isinstance(row[name], str):
            row[name] = datetime.fromisoformat(row[name])
        if kind == TIME and row[name] is not None:
            row[name] = row[name].replace(tzinfo=None)
        if kind == JSON and isinstance(row[name], str):
            row[name] = json.loads(row[name])
    return row


def test_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """target-duckdb stores every value of the account, after each of three syncs.

    It stores an empty text as null. The test omits the text that makes a row of 2 MB together with
    its HTML: DuckDB's CSV reader refuses such a row.
    """
    monkeypatch.setattr("emulator.data.conversation.LARGE", "All work and no play. " * 10_000)
    target = OtherTarget("duckdb", tmp_path, name_of=str.lower)
    with open_lab(Account.sample(60)) as lab:
        pipe = Pipe(lab, tmp_path, target.command, streams=list(COLUMNS))
        for expected in three_syncs(lab):
            pipe.run()
            stored = {
                stream: {row_id: _without_empty_texts(row) for row_id, row in rows.items()}
                for stream, rows in expected.items()
            }
            assert list(differences(target.tables(COLUMNS), stored)) == []


def test_dlt(tmp_path: Path) -> None:
    """With the documented script, dlt stores every value, after each of three syncs.

    The documented SQL then deletes the rows of the deleted thread, and no others.
    """
    (script,) = blocks(page("destinations/dlt"), "python")
    (remove,) = blocks(page("destinations/dlt"), "sql")
    (tmp_path / "load_dlt.py").write_text(script, encoding="utf-8")
    target = OtherTarget("dlt", tmp_path, name_of=snake)
    with open_lab(Account.sample(60)) as lab:
        pipe = Pipe(lab, tmp_path, target.command, streams=list(COLUMNS))
        for expected in three_syncs(lab):
            pipe.run()
            assert list(differences(target.tables(COLUMNS), expected)) == []
    (tmp_path / "after.sql").write_text(remove, encoding="utf-8")
    subprocess.run(target.command, input="", cwd=ROOT, encoding="utf-8", check=True)
    (gone,) = expected["deleted_threads"]
    del expected["threads"][gone]
    messages = expected["messages"].items()
    expected["messages"] = {k: row for k, row in messages if row["conversationsThreadId"] != gone}
    assert list(differences(target.tables(COLUMNS), expected)) == []


@pytest.mark.parametrize("step", ["normalize", "load"])
@pytest.mark.parametrize("end", ["1 / 0", "os._exit(9)"])
def test_dlt_after_a_failed_load(tmp_path: Path, step: str, end: str) -> None:
    """If a load has failed or was killed, the next run loads its records and the new ones.

    A sync that ends before the first message, and a stream without records, are no errors.
    """
    (script,) = blocks(page("destinations/dlt"), "python")
    broken = f"import os\n\nimport dlt\n\ndlt.Pipeline.{step} = lambda *_, **__: {end}\n{script}"
    target = OtherTarget("dlt", tmp_path, name_of=snake)

    def load(text: str, *messages: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "load_dlt.py").write_text(text, encoding="utf-8")
        lines = "".join(f"{json.dumps(message)}\n" for message in messages)
        return subprocess.run(
            target.command,
            input=lines,
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def sync(row_id: str) -> list[dict[str, Any]]:
        schema = {"properties": {"id": {"type": ["string"]}}}
        streams = ("threads", "deleted_threads")
        return [
            *({"type": "SCHEMA", "stream": stream, "schema": schema} for stream in streams),
            {"type": "RECORD", "stream": "threads", "record": {"id": row_id}},
            {"type": "STATE", "value": row_id},
        ]

    early = load(script)
    assert (early.returncode, early.stdout) == (0, ""), early.stderr
    assert load(script, *sync("16")).stdout == '"16"\n'
    failed = load(broken, *sync("17"))
    assert failed.returncode
    assert failed.stdout == ""
    done = load(script, *sync("18"))
    assert (done.returncode, done.stdout) == (0, '"18"\n'), done.stderr
    tables = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert sorted(row["id"] for row in tables["threads"]) == ["16", "17", "18"]
    assert tables["deleted_threads"] == []


def test_jsonl(tmp_path: Path) -> None:
    """The documented function reads every value from target-jsonl's files, after each sync."""
    (settings,) = blocks(page("destinations/files"), "json")
    settings = settings.replace('"data"', json.dumps(str(tmp_path / "tables")))
    (tmp_path / "jsonl.json").write_text(settings, encoding="utf-8")
    (function,) = blocks(page("destinations/files"), "python")
    (tmp_path / "current_rows.py").write_text(function, encoding="utf-8")
    target = OtherTarget("jsonl", tmp_path, name_of=str)
    with open_lab(Account.sample(60)) as lab:
        pipe = Pipe(lab, tmp_path, target.command, streams=list(COLUMNS))
        for expected in three_syncs(lab):
            pipe.run()
            assert list(differences(target.tables(COLUMNS), expected)) == []


def test_parquet(tmp_path: Path) -> None:
    """target-s3 with flattening stores every value per key, with times in seconds."""
    columns = {stream: _flat_columns(stream) for stream in COLUMNS}
    target = OtherTarget("parquet", tmp_path, name_of=str)
    with open_lab(Account.sample(60)) as lab:
        pipe = Pipe(lab, tmp_path, target.command, streams=list(COLUMNS))
        for expected in three_syncs(lab):
            pipe.run(flattening_enabled=True, flattening_max_depth=1)
            flat = {
                stream: {row_id: _flat(stream, row) for row_id, row in rows.items()}
                for stream, rows in expected.items()
            }
            assert list(differences(target.tables(columns), flat)) == []


def _flat_columns(stream: str) -> dict[str, str]:
    """Return the columns of a flattened stream."""
    columns: dict[str, str] = {}
    for name, kind in COLUMNS[stream].items():
        if kind == JSON and name in FIELDS:
            columns |= {f"{name}__{field}": TEXT for field in FIELDS[name]}
        else:
            columns[name] = kind
    return columns


def _flat(stream: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return the expected flattened row, with times truncated as target-s3 does."""
    flat: dict[str, Any] = {}
    for name, kind in COLUMNS[stream].items():
        value = row[name]
        if kind == JSON and name in FIELDS:
            flat |= {f"{name}__{field}": (value or {}).get(field) for field in FIELDS[name]}
        else:
            flat[name] = value.replace(microsecond=0) if kind == TIME and value else value
    return flat


def test_pipelinewise_postgres(database: Database, tmp_path: Path) -> None:
    """pipelinewise-target-postgres stores every value of the account, after each of three syncs.

    Its COPY stores an empty text as null, and a tab as JSON escapes it.
    """
    place = database.environment()
    config = tmp_path / "target.json"
    settings = {
        "host": place["PGHOST"],
        "port": 5432,
        "user": place["PGUSER"],
        "password": "none",
        "dbname": place["PGDATABASE"],
        "default_target_schema": "hubspot",
    }
    config.write_text(json.dumps(settings))
    program = ENVIRONMENTS / "postgres" / "bin" / "target-postgres"
    with open_lab(Account.sample(60)) as lab:
        pipe = Pipe(lab, tmp_path, [program, "--config", config], streams=list(COLUMNS))
        for expected in three_syncs(lab):
            pipe.run()
            tables = {
                stream: {
                    row["id"]: _row(row, kinds, str.lower)
                    for row in database.query(f'SELECT * FROM hubspot."{stream}"')
                }
                for stream, kinds in COLUMNS.items()
            }
            stored = {
                stream: {row_id: _escaped(stream, row) for row_id, row in rows.items()}
                for stream, rows in expected.items()
            }
            assert list(differences(tables, stored)) == []


def _escaped(stream: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its texts as COPY stores them: COPY resolves two of JSON's escapes."""
    return {
        name: re.sub(r'\\(["\\])', r"\1", json.dumps(value, ensure_ascii=False)[1:-1])
        if COLUMNS[stream][name] == TEXT and value is not None
        else value
        for name, value in _without_empty_texts(row).items()
    }


def _without_empty_texts(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as targets that load CSV store it: null instead of an empty text."""
    return {name: None if value == "" else value for name, value in row.items()}
