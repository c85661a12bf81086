"""Real loads through target-postgres into a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.data.account import Account
from tests.conftest import open_lab
from tests.targets.columns import COLUMNS
from tests.targets.expected import add_account, differences, empty_tables
from tests.targets.hostile import HostileAccount
from tests.targets.postgres import TYPES, Database
from tests.targets.scenario import three_syncs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.loads

KOLKATA = "Asia/Kolkata"
"""A time zone without daylight saving time and with a fractional offset in hours."""
IN_UTC = "&options=-c%20timezone%3DUTC"
"""The URL parameter that sets a session's time zone to UTC, whatever the server's is."""


@pytest.mark.parametrize("database", [KOLKATA], indirect=True)
@pytest.mark.parametrize("use_copy", [False, True], ids=["insert", "copy"])
def test_three_syncs(database: Database, tmp_path: Path, *, use_copy: bool) -> None:
    """After each of three syncs of all streams, every value and type equals the account's.

    The server is in another time zone. Inserts need a session in UTC there, copies do not.
    """
    url = "" if use_copy else database.url + IN_UTC
    with open_lab(Account.sample(60)) as lab:
        pipe = database.pipe(lab, tmp_path, streams=list(COLUMNS), url=url, use_copy=use_copy)
        for expected in three_syncs(lab):
            pipe.run(always_fetch_by_id=not use_copy)
            assert list(differences(database.tables(), expected)) == []
    expected_types = {
        stream: {name: TYPES[kind] for name, kind in columns.items()}
        for stream, columns in COLUMNS.items()
    }
    assert database.types() == expected_types
    assert database.keys() == dict.fromkeys(COLUMNS, "id")


@pytest.mark.parametrize("use_copy", [False, True], ids=["insert", "copy"])
def test_hostile_texts(database: Database, tmp_path: Path, *, use_copy: bool) -> None:
    """Each text column stores any text, even 1 MB, apart from characters no database can store."""
    expected = empty_tables()
    with open_lab(HostileAccount()) as lab:
        add_account(expected, lab.account)
        database.pipe(lab, tmp_path, streams=list(COLUMNS), use_copy=use_copy).run()
    assert list(differences(database.tables(), expected)) == []
