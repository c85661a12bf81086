"""Fixtures: a PostgreSQL server shared by the tests of targets."""

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
    """Run a PostgreSQL server and yield its URL.

    Its folder is not one of pytest's: two servers would share the parent folders, and the first one
    to stop would revoke the other's access to them.
    """
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder, "data")) as url:
        query(url, "ALTER SYSTEM SET fsync TO off")  # crash safety is not needed
        query(url, "SELECT pg_reload_conf()")
        yield url


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> Database:
    """Create a database, in the time zone that the test's parameter names, by default UTC."""
    zone = getattr(request, "param", "UTC")
    return Database(server, f"hubspot_{next(NUMBERS)}", time_zone=zone)
