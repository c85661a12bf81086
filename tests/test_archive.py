"""States, catalogs and configs of every version go on working; see tests/archive/README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from emulator.server import TOKEN
from tests.conftest import Lab, Life, Output, open_lab
from tests.situations import LATER, START, happen, sample

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE = Path(__file__).parent / "archive"
CREDENTIALS = {
    "access_token": TOKEN,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "refresh_token": REFRESH_TOKEN,
}


def files(folder: str) -> list[Any]:
    """Return the files of a folder as parameters of a test."""
    paths = sorted((ARCHIVE / folder).glob("*.json"))
    return [pytest.param(path, id=path.stem) for path in paths]


def read(path: Path) -> dict[str, Any]:
    """Return what a file holds."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def messages(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the ids whose latest message is another, or that are new."""
    name = "latestMessageTimestamp"
    return {i for i, row in after.items() if i not in before or before[i][name] != row[name]}


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the ids whose rows are new or others."""
    return {thread_id for thread_id, row in after.items() if before.get(thread_id) != row}


class Upgrade:
    """An account with a past, the rows that a warehouse has of it, and today's tap.

    Args:
        lab: The account, as it was at first.
        kept: A state of the archive, and its past.
    """

    def __init__(self, lab: Lab, kept: dict[str, Any]) -> None:
        self.life = Life(lab, **kept["settings"])
        self.life.now = START
        self.turn = 0
        self.past = [self.rows()]
        """The account's rows: after each thing that happened before the state was written."""
        for hours in kept["lived"]:
            self.pass_time(hours)
            self.past.append(self.rows())
        loaded = kept["loaded"]
        self.warehouse = {i: self.past[known][i] for i, known in loaded.items()}
        self.loaded = set(loaded)
        self.listed = {i for i, known in loaded.items() if known == len(kept["lived"])}
        """Those that went out in the sync that wrote the state."""
        self.life.state = kept["state"]
        self.doubtful = set() if self.kept.get("is_exact", True) else self._forget()
        """Open threads of which the state does not know which row the warehouse has."""

    @property
    def kept(self) -> dict[str, Any]:
        """What the state has of `threads`."""
        kept: dict[str, Any] = self.life.state.get("bookmarks", {}).get("threads", {})
        return kept

    def _forget(self) -> set[str]:
        doubtful = {i for i, row in self.warehouse.items() if row["status"] == "OPEN"}
        self.warehouse |= {i: {**self.warehouse[i], "assignedTo": "A-17"} for i in doubtful}
        return doubtful

    def pass_time(self, hours: int) -> None:
        """Let so many hours pass, and then something happen; it is a while later then."""
        self.life.pass_time(hours=hours)
        happen(self.life.lab.account, self.turn)
        self.life.now += LATER
        self.turn += 1

    def rows(self) -> dict[str, Any]:
        """Return the wanted threads as they are now, by id, as a sync without a state has them."""
        records = self.life.lab.sync(**self.life.settings).records()
        return {record["id"]: record for record in records}

    def sync(self) -> Output:
        """Run a sync from the state, and load what it brings."""
        output = self.life.sync()
        self.warehouse |= {record["id"]: record for record in output.records()}
        return output


@pytest.fixture(params=files("states"))
def upgrade(request: pytest.FixtureRequest) -> Iterator[Upgrade]:
    """An account that a version of the archive has read, or begun to, and then today's tap."""
    with open_lab(sample()) as lab:
        yield Upgrade(lab, read(request.param))


@pytest.mark.parametrize("folder", ["states", "catalogs", "configs"])
def test_is_there(folder: str) -> None:
    """The archive holds something of each kind: the tests below test something."""
    assert files(folder)


def test_state_loses_nothing(upgrade: Upgrade) -> None:
    """One sync brings what is new and each message; a day later all is there, nothing deleted."""
    upgrade.pass_time(hours=1)
    after = upgrade.rows()
    expected = messages(upgrade.warehouse, after) | upgrade.doubtful
    output = upgrade.sync()
    assert upgrade.warehouse.keys() == after.keys()
    assert not expected & changed(upgrade.warehouse, after)
    assert output.records("deleted_threads") == []
    upgrade.pass_time(hours=25)
    assert upgrade.sync().records("deleted_threads") == []
    assert upgrade.warehouse == upgrade.rows()


def test_state_goes_on(upgrade: Upgrade) -> None:
    """A sync ends what was begun, moves the bookmark, and reads nothing anew that is not due."""
    kept = upgrade.kept
    is_under_way = kept.get("listing", "done") != "done"
    is_listing_due = not is_under_way and kept.get("full_listing_started_at") is None
    upgrade.pass_time(hours=1)
    after = upgrade.rows()
    told = set(upgrade.sync().ids)
    if not is_listing_due:
        spared = upgrade.listed if is_under_way else upgrade.loaded
        recent = changed(upgrade.past[-2:][0], after)
        assert not told & spared - recent - upgrade.doubtful
    assert upgrade.kept["listing"] == "done"
    now = f"{upgrade.life.now:%Y-%m-%dT%H:%M:%S.000Z}"
    assert upgrade.kept["replication_key_value"] == now
    upgrade.life.pass_time(hours=1)
    upgrade.sync()  # what happened silently to what was listed first comes behind the first listing
    upgrade.life.pass_time(hours=1)
    assert upgrade.sync().ids == []


@pytest.mark.parametrize("path", files("catalogs"))
@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
def test_catalog(path: Path, method: str) -> None:
    """A sync with the catalog brings all, and the next one what is new, or all of it again."""
    catalog = read(path)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "threads":
            entry["replication_method"] = method
    with open_lab(sample()) as lab:
        life = Life(lab)
        assert sorted(life.sync(catalog).ids) == sorted(lab.ids)
        life.pass_time(hours=1)
        old = set(lab.ids)
        happen(lab.account, turn=0)
        told = set(life.sync(catalog).ids)
        assert told >= set(lab.ids) - old
        assert (told >= old) == (method == "FULL_TABLE")


@pytest.mark.parametrize("path", files("configs"))
def test_config(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All settings of a version are taken, and a sync with them brings threads."""
    config = read(path)
    monkeypatch.chdir(path.parent)
    with open_lab(sample()) as lab:
        config |= {name: value for name, value in CREDENTIALS.items() if name in config}
        config |= {"api_url": lab.emulator.url, "access_token": config.get("access_token")}
        assert set(lab.sync(**config).ids) <= set(lab.ids)
        assert lab.sync(**config).ids
