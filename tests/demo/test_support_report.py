"""How `make demo-metrics` connects and formats figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from demo.support_metrics import duration, share
from demo.support_report import DuckDB, connection_variables

if TYPE_CHECKING:
    from pathlib import Path


DAY, HOUR = 86_400, 3600


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (59.6, "1m 0s"),
        (17 * 60 + 41, "17m 41s"),
        (2 * HOUR + 31 * 60 + 59, "2h 31m"),
        (DAY + 11 * HOUR, "1d 11h"),
        (400 * DAY, "400d 0h"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    """A duration is shown in its two largest units."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 0, "–"), (1, 4, "1 of 4 (too few)"), (1, 5, "1 of 5 (20%)")],
)
def test_share(part: int, whole: int, words: str) -> None:
    """A share of fewer than five has no percentage."""
    assert share(part, whole) == words


def test_missing_file(tmp_path: Path) -> None:
    """A DuckDB file that does not exist is an error, and is not created."""
    path = tmp_path / "missing.duckdb"
    with pytest.raises(ValueError, match="named by TARGET_DUCKDB_FILEPATH, does not exist"):
        DuckDB(path, "hubspot")
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        (
            "postgresql://me:p%40ss@db.example.com:6543/dwh?sslmode=require",
            {
                "PGHOST": "db.example.com",
                "PGPORT": "6543",
                "PGUSER": "me",
                "PGPASSWORD": "p@ss",
                "PGDATABASE": "dwh",
                "PGSSLMODE": "require",
            },
        ),
        (
            "postgresql+psycopg://postgres:@/postgres?host=/tmp/pgdata",
            {
                "PGHOST": "/tmp/pgdata",
                "PGPORT": "5432",
                "PGUSER": "postgres",
                "PGPASSWORD": "",
                "PGDATABASE": "postgres",
            },
        ),
    ],
)
def test_connection(url: str, variables: dict[str, str]) -> None:
    """The variables lead dbt to the URL's database, also through a socket, with its options."""
    assert connection_variables(make_url(url)) == variables
