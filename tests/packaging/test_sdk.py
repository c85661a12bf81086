"""The SDK's own test suite for taps, against an emulated account."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from emulator.data.account import Account
from emulator.server import TOKEN, Emulator
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import Lab, select

EMULATOR = Emulator(Account.sample(60))
STREAMS = ("threads", "deleted_threads", "thread_index", "messages", "actors")
LISTED_STREAMS = ("inboxes", "channels", "channel_accounts")
CONFIG: dict[str, Any] = {"api_url": EMULATOR.url, "access_token": TOKEN}


@pytest.fixture(scope="module", autouse=True)
def _serve() -> Any:
    with EMULATOR:
        yield


TestStandard = get_tap_test_class(
    TapHubSpotThreads,
    config=CONFIG,
    catalog=select(*STREAMS, *LISTED_STREAMS),
    suite_config=SuiteConfig(max_records_limit=None),  # for all streams together
    # The thread does not exist and was not found once before, so it is deleted.
    state={
        "bookmarks": {
            "threads": {
                "account_id": EMULATOR.account.portal_id,
                "open_threads": ["17:lAAAAAA"],
                "not_found": [["17", "2026-01-01T00:00:00.000Z"]],
                "replication_key_value": "2026-01-01T00:00:00.000Z",
            }
        }
    },
)


def test_private_methods_of_the_sdk() -> None:
    """The SDK's private methods that the tap uses or overrides still have the same signatures."""
    writer = inspect.signature(Stream._write_record_message)  # noqa: SLF001 - singer/row_to_record
    assert list(writer.parameters) == ["self", "record"]
    schema = inspect.signature(Stream._write_schema_message)  # noqa: SLF001 - singer/row_to_record
    assert list(schema.parameters) == ["self"]
    messages = inspect.signature(Stream._generate_record_messages)  # noqa: SLF001 - singer/row_to_record
    assert list(messages.parameters) == ["self", "record"]
    assert callable(Tap._setup_signal_handlers)  # noqa: SLF001 - tap
    assert list(inspect.signature(Tap.sync_all).parameters) == ["self"]  # tap
    dry_run = inspect.signature(Tap.run_sync_dry_run)  # tap
    assert list(dry_run.parameters) == ["self", "dry_run_record_limit", "streams"]
    selected = inspect.signature(get_selected_schema)  # tap
    assert list(selected.parameters)[:3] == ["stream_name", "schema", "mask"]


def test_deselected_columns(lab: Lab) -> None:
    """Columns that are not selected are missing from every stream. All others are emitted."""
    catalog = select("threads", "thread_index")
    for entry in catalog["streams"]:
        for meta in entry["metadata"]:
            if meta["breadcrumb"] == ["properties", "inboxId"]:
                meta["metadata"]["selected"] = False
    whole = lab.sync().records()
    output = lab.sync(catalog)
    columns = [name for name in whole[0] if name != "inboxId"]
    assert output.records() == [{name: row[name] for name in columns} for row in whole]
    assert all("inboxId" not in row for row in output.records("thread_index"))
