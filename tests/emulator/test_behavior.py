"""Behaviors: drawing at random, and the text form."""

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
def test_listing_with_any_behavior(seed: int) -> None:
    """With any behavior, a listing ends and returns each thread of an unchanging account."""
    account = Account.sample(30, seed=seed)
    account.behavior = Behavior.draw(random.Random(seed))
    client = Client(Service(account))
    for archived in (False, True):
        expected = [thread.id for thread in account.threads.values() if thread.archived == archived]
        listed = client.ids(limit=20, archived=str(archived).lower())
        assert sorted(set(listed)) == expected


def test_text_form() -> None:
    """`Behavior.of` reads what `str` writes; the default behavior is an empty object."""
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
    """Unknown fields and values are errors that name them, and not replaced by defaults."""
    with pytest.raises(ValueError, match=reason):
        Behavior.from_json(text)
