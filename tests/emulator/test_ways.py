"""Ways are drawn, written down and read again."""

from __future__ import annotations

import random
from dataclasses import fields
from datetime import datetime, timedelta, timezone

import pytest

from emulator.account import Account
from emulator.service import Service
from emulator.ways import Outage, Ways
from tests.emulator.clients import Client

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


def test_draw() -> None:
    """The same chance draws the same ways; among many draws each field has another value."""
    drawn = [Ways.draw(random.Random(seed)) for seed in range(200)]
    assert drawn[7] == Ways.draw(random.Random(7))
    for known in fields(Ways):
        values = {repr(getattr(ways, known.name)) for ways in drawn}
        assert (len(values) > 1) == (known.name != "outages")


@pytest.mark.parametrize("seed", range(40))
def test_any_ways_list_all(seed: int) -> None:
    """Whatever is drawn, a listing ends, and shows each thread of a quiet account."""
    account = Account.sample(30, seed=seed)
    account.ways = Ways.draw(random.Random(seed))
    client = Client(Service(account))
    for archived in (False, True):
        expected = [thread.id for thread in account.threads.values() if thread.archived == archived]
        listed = client.ids(limit=20, archived=str(archived).lower())
        assert sorted(set(listed)) == expected


def test_written_and_read() -> None:
    """What `str` writes is what `of` reads; the usual ways are no fields at all."""
    assert str(Ways()) == "{}"
    for seed in range(50):
        ways = Ways.draw(random.Random(seed))
        ways.outages = [Outage(NOON, NOON + timedelta(hours=1), ids=(seed,)), Outage(NOON, NOON)]
        assert Ways.of(str(ways)) == ways


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"caps": 3}', "Ways has no caps"),
        ('{"dates": "many"}', "Ways has no dates='many'"),
        ('{"rows": {"times": "odd"}}', "Rows has no times='odd'"),
        ("{", "Expecting property name"),
    ],
)
def test_no_such_ways(text: str, reason: str) -> None:
    """Ways that there are not are refused by name, not taken for the usual ones."""
    with pytest.raises(ValueError, match=reason):
        Ways.of(text)
