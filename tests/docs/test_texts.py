"""The documented ways to exclude message text work: columns, a stream map, a filter on types."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.data.account import Account
from emulator.limits import RollingLimit
from emulator.memory_transport import MemoryTransport
from emulator.service import TOKEN, Service
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import Output, select, set_runtime
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS, STREAM_MAP, TYPES, FIGURES, IN_ONE_SCHEMA = (
    yaml.safe_load(block) for block in blocks(page("privacy/exclude-message-text"), "yaml")
)


@pytest.fixture
def service() -> Service:
    """Serve an account with messages of all types."""
    return Service(Account.sample(30), limit=RollingLimit(1_000_000))


@pytest.fixture
def messages(service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Output]:
    """Return a function that loads messages with a catalog and settings."""
    set_runtime(monkeypatch, transport=lambda _: MemoryTransport(service))

    def load(catalog: dict[str, Any] | None = None, **settings: Any) -> Output:
        out = io.StringIO()
        config = {"access_token": TOKEN, **settings}
        with redirect_stdout(out):
            TapHubSpotThreads(config=config, catalog=catalog or select("messages")).sync_all()
        return Output(out.getvalue())

    return load


def catalog_of(rules: list[str]) -> dict[str, Any]:
    """Return the catalog that Meltano makes from `select` rules."""
    streams = {rule.removesuffix(".*") for rule in rules if rule.endswith(".*")}
    without = {tuple(rule[1:].split(".")) for rule in rules if rule.startswith("!")}
    catalog = select(*streams)
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if (entry["tap_stream_id"], *meta["breadcrumb"][1:]) in without:
                meta["metadata"]["selected"] = False
    return catalog


def test_without_exclusion(messages: Callable[..., Output]) -> None:
    """Without any exclusion, the columns and types that the other tests exclude are emitted."""
    rows = messages().records("messages")
    assert {"text", "richText", "subject", "attachments"} <= rows[0].keys()
    assert any(row["text"] for row in rows)
    assert {"COMMENT", "WELCOME_MESSAGE"} < {row["type"] for row in rows}


def test_columns(messages: Callable[..., Output], service: Service) -> None:
    """Deselected columns are missing from rows and schema, and cost no API call."""
    output = messages(catalog_of(COLUMNS["select"]), fetch_original_content=True)
    (schema,) = output.of_type("SCHEMA", "messages")
    excluded = {rule.partition(".")[2] for rule in COLUMNS["select"] if rule[:9] == "!messages"}
    people = {"senders", "recipients", "failureDetails", "otherProperties"}
    assert excluded == {"text", "richText", "subject", "attachments"} | people
    assert not excluded & schema["schema"]["properties"].keys()
    rows = output.records("messages")
    assert len(rows) == len(messages().records("messages"))
    assert not any(excluded & row.keys() for row in rows)
    assert not [target for target in service.requests if "original-content" in target]


def test_stream_map(messages: Callable[..., Output]) -> None:
    """A hash replaces the text, and columns that are mapped to null are not emitted."""
    plain = {row["id"]: row["text"] for row in messages().records("messages")}
    output = messages(**STREAM_MAP["config"])
    rows = output.records("messages")
    assert {row["id"] for row in rows} == plain.keys()
    for row in rows:
        assert not {"richText", "subject"} & row.keys()
        assert (row["text"] is None) == (not plain[row["id"]])
        assert row["text"] is None or len(row["text"]) == 64
    texts = [text for text in plain.values() if text and len(text) > 10]
    left = str(
        [{**row, "senders": None, "recipients": None} for row in rows]
    )  # names may equal texts
    assert not any(text in left for text in texts)


def test_types(messages: Callable[..., Output]) -> None:
    """A filter drops the messages of the types that it names, and no others."""
    rows = messages().records("messages")
    filtered = messages(**TYPES["config"]).records("messages")
    assert filtered == [row for row in rows if row["type"] not in {"COMMENT", "WELCOME_MESSAGE"}]


def test_account_on_each_row(messages: Callable[..., Output]) -> None:
    """Each row of each stream has the account number, as text and in the primary key."""
    config = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[1])["config"]
    output = messages(select("threads", "messages", "actors"), **config)
    for stream in ("threads", "messages", "actors"):
        (schema,) = output.of_type("SCHEMA", stream)
        assert schema["key_properties"] == ["account", "id"]
        assert "string" in schema["schema"]["properties"]["account"]["type"]
        assert {row["account"] for row in output.records(stream)} == {"62515"}


def test_account_and_metrics(messages: Callable[..., Output]) -> None:
    """The combined example has the account in each row and key, and no customer or address."""
    output = messages(catalog_of(FIGURES["select"]), **IN_ONE_SCHEMA["config"])
    for stream in ("threads", "messages", "actors"):
        (schema,) = output.of_type("SCHEMA", stream)
        assert schema["key_properties"] == ["account", "id"]
        assert {row["account"] for row in output.records(stream)} == {"62515"}
    assert "account" in output.of_type("SCHEMA", "deleted_threads")[0]["key_properties"]
    assert_no_people(output)
    alone = messages(catalog_of(FIGURES["select"]), **FIGURES["config"])
    for stream in ("threads", "messages", "actors"):
        rows = [{**row, "account": "62515"} for row in alone.records(stream)]
        assert output.records(stream) == rows


def assert_no_people(output: Output) -> None:
    """Check that the output names no person outside the company."""
    assert {row["type"] for row in output.records("actors")} == {"AGENT"}
    authors = {row["createdBy"] for row in output.records("messages")}
    assert {author[0] for author in authors if author} == set("ABILS")
    assert None in authors
    assert "@" not in str([output.records(stream) for stream in ("messages", "actors")])


@pytest.mark.parametrize("star_is", ["first", "last"])
def test_two_matching_maps(messages: Callable[..., Output], star_is: str) -> None:
    """If two maps match a stream, only the later one applies, as the page warns."""
    account = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[1])["config"]
    parts = [account["stream_maps"], FIGURES["config"]["stream_maps"]]
    first, last = parts if star_is == "first" else parts[::-1]
    output = messages(catalog_of(FIGURES["select"]), **account | {"stream_maps": {**first, **last}})
    has_account = {"account" in row for row in output.records("messages")}
    assert has_account == {star_is == "last"}
    assert ("VISITOR" in str(output.records("actors"))) == (star_is == "last")
    assert ("E-" in str(output.records("messages"))) == (star_is == "last")
    if star_is == "first":
        assert_no_people(output)
