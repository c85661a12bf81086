"""A behavior can be drawn at random, written and read."""

from __future__ import annotations

import random
from dataclasses import fields
from datetime import datetime, timedelta, timezone

import pytest

from emulator.behavior import Behavior, Outage
from emulator.data.account import Account
from emulator.service import Service
from tests.emulator.clients import Client

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


def test_draw() -> None:
    """The same seed draws the same behavior; among many draws, each field has several values."""
    drawn = [Behavior.draw(random.Random(seed)) for seed in range(200)]
    assert drawn[7] == Behavior.draw(random.Random(7))
    for known in fields(Behavior):
        values = {repr(getattr(behavior, known.name)) for behavior in drawn}
        assert (len(values) > 1) == (known.name != "outages")


@pytest.mark.parametrize("seed", range(40))
def test_any_behavior_lists_all(seed: int) -> None:
    """Whatever is drawn, a listing ends, and shows each thread of a quiet account."""
    account = Account.sample(30, seed=seed)
    account.behavior = Behavior.draw(random.Random(seed))
    client = Client(Service(account))
    for archived in (False, True):
        expected = [thread.id for thread in account.threads.values() if thread.archived == archived]
        listed = client.ids(limit=20, archived=str(archived).lower())
        assert sorted(set(listed)) == expected


def test_written_and_read() -> None:
    """What `str` writes is what `of` reads; the default behavior has no fields."""
    assert str(Behavior()) == "{}"
    for seed in range(50):
        behavior = Behavior.draw(random.Random(seed))
        behavior.outages = [
            Outage(NOON, NOON + timedelta(hours=1), ids=(seed,)),
            Outage(NOON, NOON),
        ]
        assert Behavior.from_json(str(behavior)) == behavior


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"caps": 3}', "Behavior has no caps"),
        ('{"dates": "many"}', "Behavior has no dates='many'"),
        ('{"wire": {"times": "odd"}}', "WireFormat has no times='odd'"),
        ("{", "Expecting property name"),
    ],
)
def test_unknown_values(text: str, reason: str) -> None:
    """Unknown fields and values are refused by name, not replaced by the default."""
    with pytest.raises(ValueError, match=reason):
        Behavior.from_json(text)
