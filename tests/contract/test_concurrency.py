"""`max_concurrency`: exactly this many requests at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from emulator.memory_transport import MemoryTransport
from tests.conftest import Lab, set_runtime

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Request, Response

TIMEOUT = 10


class GroupingTransport:
    """A transport that sends requests for threads only in groups of `count`."""

    def __init__(self, lab: Lab, count: int) -> None:
        self._transport = MemoryTransport(lab.emulator)
        self._barrier = threading.Barrier(count)
        self._lock = threading.Lock()
        self._in_flight = self.max_in_flight = self._sent = 0
        self._in_full_groups = len(lab.live_ids) // count * count

    def send(self, request: Request, *, timeout: float) -> Response:
        """Send a request, as a `Transport` does."""
        if "/threads/" not in request.url:
            return self._transport.send(request, timeout=timeout)
        with self._lock:
            self._sent += 1
            is_held = self._sent <= self._in_full_groups
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            if is_held:
                self._barrier.wait(TIMEOUT)
            return self._transport.send(request, timeout=timeout)
        finally:
            with self._lock:
                self._in_flight -= 1

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("workers", [1, 3, 16])
@pytest.mark.parametrize("mode", ["ids", "by_id"])
def test_concurrent_requests(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, mode: str, workers: int
) -> None:
    """As many threads are read at once as `max_concurrency` allows, and no more."""
    transport = GroupingTransport(lab, workers)
    set_runtime(monkeypatch, transport=lambda _: transport)
    settings: dict[str, Any] = {
        "ids": {"thread_ids": lab.live_ids},
        "by_id": {"always_fetch_by_id": True, "include_archived": False},
    }
    assert lab.sync(max_concurrency=workers, **settings[mode]).ids == lab.live_ids
    assert transport.max_in_flight == workers
