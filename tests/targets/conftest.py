"""A PostgreSQL that the tests of targets share."""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.postgres import embedded_postgres
from tests.targets.postgres import Database, query

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run a PostgreSQL, and give its URL.

    Its folder is none of pytest's: two servers would share that one's parents, and whoever ends
    first would close them to the other.
    """
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder, "data")) as url:
        query(url, "ALTER SYSTEM SET fsync TO off")  # nobody reads it after a crash
        query(url, "SELECT pg_reload_conf()")
        yield url


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> Database:
    """Make a database; in the zone that the test's parameter says, if it has one."""
    zone = getattr(request, "param", "UTC")
    return Database(server, f"hubspot_{next(NUMBERS)}", time_zone=zone)
