"""Log lines and errors on the pages about configuration are the program's."""

from __future__ import annotations

import logging

import pytest
import yaml

from emulator.data.account import Account
from tap_hubspot_threads.hubspot.transport import HttpTransport, NoResponseError, Request
from tap_hubspot_threads.singer.progress import describe_backfill
from tap_hubspot_threads.sync.context import SyncStats
from tests.conftest import Life, open_lab, select
from tests.tools.docs import blocks, page


def test_backfill() -> None:
    """The page on messages quotes the sentence about an unfinished backfill."""
    said, *_ = blocks(page("configure/messages"), "text")
    assert describe_backfill(SyncStats(backfill=(61_204, 100_000))) == [said.strip()]


def test_first_sync_with_messages(caplog: pytest.LogCaptureFixture) -> None:
    """The page on messages quotes the summary of the first sync after messages were selected."""
    rules = yaml.safe_load(blocks(page("configure/messages"), "yaml")[0])["select"]
    said = blocks(page("configure/messages"), "console")[0].splitlines()[1]
    caplog.set_level(logging.INFO)
    with open_lab(Account.sample(60)) as lab:
        life = Life(lab)
        life.sync(select("threads", "deleted_threads"))
        caplog.clear()
        life.sync(select(*(rule.removesuffix(".*") for rule in rules)))
    (summary,) = [line for line in caplog.messages if line.startswith("Sync complete")]
    assert said.partition(". ")[0] == summary.partition(". ")[0]


def test_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page on proxies quotes the error for a proxy that does not respond, without its login."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:password@127.0.0.1:1")
    transport = HttpTransport("https://api.hubapi.com", connections=1)
    with pytest.raises(NoResponseError) as error:
        transport.send(Request("GET", "https://api.hubapi.com/", {}), timeout=5)
    (said,) = blocks(page("configure/proxy"), "text")
    assert f": {said.strip()}".replace("proxy.example.com:3128", "127.0.0.1:1") == str(error.value)


def test_unknown_id(caplog: pytest.LogCaptureFixture) -> None:
    """The page on thread IDs quotes the warning about an ID that HubSpot does not have."""
    with open_lab() as lab:
        lab.sync(thread_ids=[lab.ids[0], "1"])
    (warning,) = [line for line in caplog.messages if "not found, neither" in line]
    said = " ".join(page("configure/thread-ids").split())
    assert f"`{warning.partition(':')[0]}`" in said
