"""The lists of inboxes, channels and channel accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emulator.behavior import WireFormat
from emulator.data.sample import SAMPLE_LISTS
from emulator.data.thread import CHANNELS

if TYPE_CHECKING:
    from tests.emulator.conftest import World

ROOT = "/conversations/v3/conversations"
NEWER = "/conversations/conversations/2026-09"
NAMES = ("inboxes", "channels", "channel-accounts")


def rows(world: World, name: str, **query: Any) -> list[dict[str, Any]]:
    """Return all rows of a list."""
    return world.client.rows(f"{ROOT}/{name}", **query)


@pytest.mark.parametrize("root", [ROOT, NEWER])
@pytest.mark.parametrize("name", NAMES)
def test_lists(world: World, root: str, name: str) -> None:
    """Both versions of the path return each list with its total."""
    body = world.client.json(f"{root}/{name}")
    assert body.keys() == {"total", "results"}
    assert body["total"] == len(body["results"]) == len(rows(world, name)) > 2


def test_archived(world: World) -> None:
    """Archived inboxes and channel accounts are a list of their own; channels have none."""
    for name in ("inboxes", "channel-accounts"):
        (archived,) = rows(world, name, archived="true")
        assert archived["archived"]
        assert archived["archivedAt"]
        assert not any(row["archived"] for row in rows(world, name))
    assert rows(world, "channels", archived="true") == rows(world, "channels")


def test_lists_match_the_threads(world: World) -> None:
    """The lists have the inboxes, channels and channel accounts of the sample's threads."""
    found = {name: {int(row["id"]) for row in rows(world, name)} for name in NAMES}
    assert found["inboxes"] == set(CHANNELS)
    assert found["channels"] >= {channel for channel, _ in CHANNELS.values()}
    assert found["channel-accounts"] >= {account for _, account in CHANNELS.values()}
    assert {row["type"] for row in rows(world, "inboxes")} == {"INBOX", "HELP_DESK"}


def test_pages(world: World) -> None:
    """Pages have the same caps and empty pages as thread pages; the total counts the whole list."""
    world.behavior.cap = 2
    pages = world.client.pages(f"{ROOT}/channels")
    assert [len(page) for page in pages] == [2, 0, 2]
    assert world.client.json(f"{ROOT}/channels")["total"] == 4


def test_limit(world: World) -> None:
    """A limit above 100 is refused by default."""
    assert world.client.get(f"{ROOT}/channels", limit=100).status == 200
    assert world.client.get(f"{ROOT}/channels", limit=101).status == 400
    world.behavior.max_listed = 500
    assert world.client.get(f"{ROOT}/channels", limit=500).status == 200
    assert world.client.get(f"{ROOT}/channels", after="nonsense").status == 400


def test_wire_format(world: World) -> None:
    """The wire format of lists has unknown fields, number IDs and nulls."""
    world.behavior.wire = WireFormat(unknown_fields="all", number_ids="all", unset="null")
    for row in rows(world, "channel-accounts"):
        assert "customerSentiment" in row
        assert isinstance(row["inboxId"], int)
        assert row["archivedAt"] is None
    world.behavior.wire = WireFormat(unknown_fields="none", number_ids="none")
    assert rows(world, "channels") == SAMPLE_LISTS["channels"]


def test_changes(world: World) -> None:
    """Changing an account's list does not change the sample data."""
    world.account.lists["channels"].append({"id": "9", "name": "PIGEON"})
    assert rows(world, "channels")[0]["name"] == "PIGEON"
    assert len(SAMPLE_LISTS["channels"]) == 4
