"""The tap, and what would break if parts of it were left to the SDK."""

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
def with_the_sdks_own(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Leave a method of our tap to the SDK."""
    return lambda name: monkeypatch.setattr(TapHubSpotThreads, name, getattr(Tap, name))


@pytest.fixture
def handlers() -> Iterator[None]:
    """Set the signals' handlers back afterwards."""
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


def handle(signum: int) -> Any:
    """Have a signal handled, as if it had come."""
    handler = signal.getsignal(signum)
    assert callable(handler)
    return handler(signum, None)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("signum", SIGNALS)
def test_signal_is_noted(signum: int) -> None:
    """A signal ends nothing where it comes: what is being written is written first."""
    TapHubSpotThreads(config=CONFIG)
    assert handle(signum) is None


@pytest.mark.usefixtures("handlers")
def test_sdks_own_ends_with_success(with_the_sdks_own: Callable[[str], None]) -> None:
    """Why `_setup_signal_handlers`: by the SDK's own a stopped sync exits at once, and with 0."""
    with_the_sdks_own("_setup_signal_handlers")
    TapHubSpotThreads(config=CONFIG)
    with pytest.raises(SystemExit) as raised:
        handle(signal.SIGTERM)
    assert raised.value.code == 0


def test_map_of_all_streams() -> None:
    """A map of all streams is one of those too that are not selected."""
    mapper = TapHubSpotThreads(config=CONFIG | ALL).mapper
    assert mapper.stream_maps.keys() == STREAMS


def test_sdks_own_takes_no_map_of_all_streams(with_the_sdks_own: Callable[[str], None]) -> None:
    """Why `setup_mapper`: the SDK's own misses the key of a stream that is not selected."""
    with_the_sdks_own("setup_mapper")
    with pytest.raises(SettingsError, match="stream_maps"):
        TapHubSpotThreads(config=CONFIG | ALL)


def test_mapper_of_the_plugin_alone() -> None:
    """Why `super(Tap, self)`: the tap's own registers the streams of the catalog, and fails."""
    tap = TapHubSpotThreads(config=CONFIG | ALL, setup_mapper=False)
    with pytest.raises((MappingError, KeyError, AttributeError, TypeError, ValueError)):
        Tap.setup_mapper(tap)


def test_one_loop_over_all_streams(lab: Lab) -> None:
    """A sync writes all SCHEMAs first, then rows of several streams in one order."""
    kinds = [message["type"] for message in lab.sync().messages]
    assert kinds[:3] == ["SCHEMA", "SCHEMA", "RECORD"]


@pytest.mark.parametrize("name", ["sync_all", "run_sync_dry_run"])
def test_sdks_own_reads_one_stream_after_the_other(
    lab: Lab, name: str, with_the_sdks_own: Callable[[str], None]
) -> None:
    """Why `sync_all` and its trial: the SDK's own have each stream read for itself."""
    with_the_sdks_own(name)
    with redirect_stdout(io.StringIO()), pytest.raises(NotImplementedError):
        getattr(lab.tap(), name)()


@pytest.mark.parametrize("maps", [["threads"], "threads", {"threads": ["id"]}], ids=str)
def test_maps_of_another_form(maps: object) -> None:
    """Why `_config`: an error of the SDK's own says nothing of the setting that it comes from."""
    with pytest.raises(SettingsError, match="stream_maps"):
        TapHubSpotThreads(config={**CONFIG, "stream_maps": maps})
