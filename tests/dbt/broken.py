"""Break each definition in the models once, and check that a unit test fails.

`python -m tests.dbt.broken` takes a few minutes. With arguments, it breaks only the definitions
whose names contain one of them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import yaml

from demo.postgres import embedded_postgres
from emulator.data.account import Account
from tests.dbt import warehouse
from tests.dbt.warehouse import PROJECT, STREAMS, Warehouse

BREAKS = Path(__file__).with_name("breaks.yml")


def main(arguments: list[str]) -> int:
    """Break one definition after the other, and return how many no unit test found."""
    warnings.simplefilter("ignore")
    breaks = yaml.safe_load(BREAKS.read_text(encoding="utf-8"))
    missed = 0
    with tempfile.TemporaryDirectory() as name, embedded_postgres(Path(name, "data")) as url:
        folder = Path(name)
        warehouse.PROJECT = shutil.copytree(PROJECT, folder / "dbt")
        database = Warehouse(url, folder)
        database.load(Account.sample(20), "hubspot", *STREAMS)
        database.dbt("run")
        for model, definitions in breaks.items():
            for definition, change in definitions.items():
                if arguments and not any(
                    argument in f"{model}: {definition}" for argument in arguments
                ):
                    continue
                found = failing(database, folder / "dbt" / "models" / f"{model}.sql", **change)
                print(f"{model}: {definition}: {', '.join(found) or 'NOT FOUND'}", flush=True)
                missed += not found
        database.close()
    return missed


def failing(database: Warehouse, path: Path, *, right: str, wrong: str) -> list[str]:
    """Return the unit tests of a model that fail while the model is broken."""
    sql = path.read_text(encoding="utf-8")
    if right not in sql:
        message = f"{path.name} no longer contains: {right}"
        raise ValueError(message)
    path.write_text(sql.replace(right, wrong), encoding="utf-8")
    statuses = database.dbt("test", "--select", f"{path.stem},test_type:unit")
    path.write_text(sql, encoding="utf-8")
    return [test for test, status in statuses.items() if status not in {"success", "pass"}]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
