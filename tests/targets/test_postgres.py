"""Real loads: the tap's output through target-postgres into a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.data.account import Account
from tests.conftest import open_lab
from tests.targets.columns import COLUMNS
from tests.targets.due import add_account, differences, no_rows
from tests.targets.hostile import HostileAccount
from tests.targets.postgres import TYPES, Database
from tests.targets.story import three_syncs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.loads

KOLKATA = "Asia/Kolkata"
"""A zone without summer time, whose offset is no whole hour."""
IN_UTC = "&options=-c%20timezone%3DUTC"
"""What in a URL has a session keep UTC, whatever the server's zone is."""


@pytest.mark.parametrize("database", [KOLKATA], indirect=True)
@pytest.mark.parametrize("use_copy", [False, True], ids=["insert", "copy"])
def test_three_syncs(database: Database, tmp_path: Path, *, use_copy: bool) -> None:
    """After each of three syncs of all streams, every value and type is what the account says.

    On a server in another zone: what is inserted needs a session in UTC there, what is copied does
    not.
    """
    url = "" if use_copy else database.url + IN_UTC
    with open_lab(Account.sample(60)) as lab:
        pipe = database.pipe(lab, tmp_path, streams=list(COLUMNS), url=url, use_copy=use_copy)
        for due in three_syncs(lab):
            pipe.run(always_fetch_by_id=not use_copy)
            assert list(differences(database.tables(), due)) == []
    wanted = {
        stream: {name: TYPES[kind] for name, kind in columns.items()}
        for stream, columns in COLUMNS.items()
    }
    assert database.types() == wanted
    assert database.keys() == dict.fromkeys(COLUMNS, "id")


@pytest.mark.parametrize("use_copy", [False, True], ids=["insert", "copy"])
def test_hostile_texts(database: Database, tmp_path: Path, *, use_copy: bool) -> None:
    """Each column of text keeps any text, a megabyte too, less what no database can hold."""
    due = no_rows()
    with open_lab(HostileAccount()) as lab:
        add_account(due, lab.account)
        database.pipe(lab, tmp_path, streams=list(COLUMNS), use_copy=use_copy).run()
    assert list(differences(database.tables(), due)) == []
