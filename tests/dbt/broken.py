"""Break each definition in the models once, and check that a unit test or a figure notices.

`python -m tests.dbt.broken` takes half an hour; with words, it breaks only what they name.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import yaml

from demo.postgres import embedded_postgres
from tests.dbt import warehouse
from tests.dbt.cases import account_with_cases
from tests.dbt.warehouse import PROJECT, STREAMS, PostgreSQL
from tests.dbt.working_time import HOURS

BREAKS = Path(__file__).with_name("breaks.yml")


def main(words: list[str]) -> int:
    """Break one definition after the other, and return how many no unit test found."""
    warnings.simplefilter("ignore")
    breaks = yaml.safe_load(BREAKS.read_text(encoding="utf-8"))
    missed = 0
    with tempfile.TemporaryDirectory() as name, embedded_postgres(Path(name, "data")) as url:
        warehouse.PROJECT = shutil.copytree(PROJECT, Path(name, "dbt"))
        check = Check(PostgreSQL(Path(name), url))
        for model, definitions in breaks.items():
            for definition, change in definitions.items():
                if words and not any(word in f"{model}: {definition}" for word in words):
                    continue
                try:
                    noticed = ", ".join(check.noticed(model, **change))
                except ValueError as error:  # the change no longer fits the models
                    noticed, found = "", f"INVALID: {error}"
                else:
                    found = noticed or "NOT FOUND"
                print(f"{model}: {definition}: {found}", flush=True)
                missed += not noticed
        check.warehouse.close()
    return missed


class Check:
    """A warehouse whose models are right, to be broken one at a time."""

    def __init__(self, warehouse: PostgreSQL) -> None:
        self.warehouse = warehouse
        self.account = account_with_cases(40)
        warehouse.load(self.account, "hubspot", *STREAMS)
        warehouse.dbt("seed")
        warehouse.dbt("run")
        warehouse.configure_working_time()
        self.names = warehouse.names(self.account, works=True)
        assert self._differences() == []
        tests = yaml.safe_load((PROJECT / "models" / "unit_tests.yml").read_text("utf-8"))
        self._tested = {test["model"] for test in tests["unit_tests"]}
        self._broken = ""

    def noticed(self, model: str, *, right: str, wrong: str, file: str = "") -> list[str]:
        """Return the model's unit tests that fail while it is broken, or else a wrong figure."""
        path = warehouse.PROJECT / (file or f"models/{model}.sql")
        sql = path.read_text(encoding="utf-8")
        if right not in sql:
            message = f"{path.name} has no longer: {right}"
            raise ValueError(message)
        built = model if file.startswith("macros/") else path.stem
        path.write_text(sql.replace(right, wrong), encoding="utf-8")
        try:
            return (self._failing_tests(model) or self._wrong_figures(built))[:3]
        finally:
            path.write_text(sql, encoding="utf-8")

    def _failing_tests(self, model: str) -> list[str]:
        """Return the unit tests of a model that fail."""
        if model not in self._tested:
            return []
        said = self.warehouse.dbt("test", "--select", f"{model},test_type:unit")
        return failed(said)

    def _wrong_figures(self, model: str) -> list[str]:
        """Build a model and those that read it, and what was broken before; compare all figures."""
        models = [f"{one}+" for one in {model, self._broken} if one]
        said = self.warehouse.dbt("run", "--select", *models, working_hours=HOURS)
        self._broken = model
        failed(said)
        return self._differences()

    def _differences(self) -> list[str]:
        return sorted(self.warehouse.differences(self.account, self.names))


def failed(statuses: dict[str, str]) -> list[str]:
    """Return the tests that fail. An error is no finding, because the wrong SQL must be valid."""
    errors = [name for name, status in statuses.items() if status == "error"]
    if errors:
        raise ValueError(", ".join(errors))
    return [name for name, status in statuses.items() if status not in {"success", "pass"}]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
