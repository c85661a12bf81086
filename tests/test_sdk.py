"""The SDK's own suite of tests for taps, against an emulated account."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.testing import get_tap_test_class

from emulator.account import Account
from emulator.server import TOKEN, Emulator
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import select

EMULATOR = Emulator(Account.sample(30))
CONFIG: dict[str, Any] = {"api_url": EMULATOR.url, "access_token": TOKEN}


@pytest.fixture(scope="module", autouse=True)
def _serve() -> Any:
    with EMULATOR:
        yield


TestStandard = get_tap_test_class(
    TapHubSpotThreads,
    config=CONFIG,
    catalog=select("threads", "thread_index"),
)


def test_private_parts_that_the_tap_relies_on() -> None:
    """The SDK still has what is used or overridden of its private parts, in that form."""
    writer = inspect.signature(Stream._write_record_message)  # noqa: SLF001 - thread_index.emit
    assert list(writer.parameters) == ["self", "record"]
    increment = inspect.signature(Stream._increment_stream_state)  # noqa: SLF001 - threads
    assert list(increment.parameters) == ["self", "latest_record", "context"]
    assert callable(Tap._setup_signal_handlers)  # noqa: SLF001 - tap
