"""The tap, and why it overrides methods of the SDK."""

from __future__ import annotations

import io
import signal
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import Tap
from singer_sdk.exceptions import MappingError

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.signals import SIGNALS
from tap_hubspot_threads.sync.state.validation import STREAMS
from tap_hubspot_threads.tap import TapHubSpotThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Lab

CONFIG = {"access_token": "x"}
ALL = {"stream_maps": {"*": {"account": "'one'"}}}


@pytest.fixture
def restore_sdk_method(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that restores a method of the SDK that the tap overrides."""
    return lambda name: monkeypatch.setattr(TapHubSpotThreads, name, getattr(Tap, name))


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the signal handlers after the test."""
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def call_handler(signum: int) -> Any:
    """Call the handler of a signal."""
    handler = signal.getsignal(signum)
    assert callable(handler)
    return handler(signum, None)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("signum", SIGNALS)
def test_signal_is_recorded(signum: int) -> None:
    """A signal does not interrupt the code that it arrives in, so a write is completed first."""
    TapHubSpotThreads(config=CONFIG)
    assert call_handler(signum) is None


@pytest.mark.usefixtures("handlers")
def test_sdk_signal_handler_exits_with_success(restore_sdk_method: Callable[[str], None]) -> None:
    """Why `_setup_signal_handlers`: the SDK's handler exits at once, with code 0."""
    restore_sdk_method("_setup_signal_handlers")
    TapHubSpotThreads(config=CONFIG)
    with pytest.raises(SystemExit) as raised:
        call_handler(signal.SIGTERM)
    assert raised.value.code == 0


def test_map_of_all_streams() -> None:
    """A stream map for `*` also covers streams that are not selected."""
    mapper = TapHubSpotThreads(config=CONFIG | ALL).mapper
    assert mapper.stream_maps.keys() == STREAMS


def test_sdk_mapper_fails_for_all_streams(restore_sdk_method: Callable[[str], None]) -> None:
    """Why `setup_mapper`: the SDK's method fails for `*` if a stream is not selected."""
    restore_sdk_method("setup_mapper")
    with pytest.raises(SettingsError, match="stream_maps"):
        TapHubSpotThreads(config=CONFIG | ALL)


def test_tap_mapper_registers_the_catalog() -> None:
    """Why `super(Tap, self)`: `Tap.setup_mapper` registers the catalog, which fails for `*`."""
    tap = TapHubSpotThreads(config=CONFIG | ALL, setup_mapper=False)
    with pytest.raises((MappingError, KeyError, AttributeError, TypeError, ValueError)):
        Tap.setup_mapper(tap)


def test_schemas_come_first(lab: Lab) -> None:
    """A sync writes all SCHEMA messages before the first RECORD."""
    message_types = [message["type"] for message in lab.sync().messages]
    assert message_types[:3] == ["SCHEMA", "SCHEMA", "RECORD"]


@pytest.mark.parametrize("name", ["sync_all", "run_sync_dry_run"])
def test_sdk_sync_reads_each_stream_by_itself(
    lab: Lab, name: str, restore_sdk_method: Callable[[str], None]
) -> None:
    """Why `sync_all` and `run_sync_dry_run`: the SDK's methods let each stream read for itself."""
    restore_sdk_method(name)
    with redirect_stdout(io.StringIO()), pytest.raises(NotImplementedError):
        getattr(lab.tap(), name)()


@pytest.mark.parametrize("maps", [["threads"], "threads", {"threads": ["id"]}], ids=str)
def test_malformed_stream_maps(maps: object) -> None:
    """Why `_config`: the SDK's error does not name the setting."""
    with pytest.raises(SettingsError, match="stream_maps"):
        TapHubSpotThreads(config={**CONFIG, "stream_maps": maps})
