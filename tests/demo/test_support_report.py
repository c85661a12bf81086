"""How `make demo-metrics` connects and formats durations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import make_url

from demo.support_report import connection_variables, duration


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=59.6), "1m 0s"),
        (timedelta(minutes=17, seconds=41), "17m 41s"),
        (timedelta(hours=2, minutes=31, seconds=59), "2h 31m"),
        (timedelta(days=1, hours=11), "1d 11h"),
        (timedelta(days=400), "400d 0h"),
    ],
)
def test_duration(span: timedelta, words: str) -> None:
    """A duration is shown in its two largest units."""
    assert duration(span) == words


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
