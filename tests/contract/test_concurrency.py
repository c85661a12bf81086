"""`max_concurrency`: so many requests at once, not one more, and not one less."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from emulator.memory_transport import MemoryTransport
from tests.conftest import Lab, set_runtime

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Request, Response

TIMEOUT = 10


class Gate:
    """A way to HubSpot on which threads are read only when so many requests have come."""

    def __init__(self, lab: Lab, count: int) -> None:
        self._way = MemoryTransport(lab.emulator)
        self._gate = threading.Barrier(count)
        self._lock = threading.Lock()
        self._under_way = self.most = self._sent = 0
        self._whole_rounds = len(lab.live_ids) // count * count

    def send(self, request: Request, *, timeout: float) -> Response:
        """As `Transport` says."""
        if "/threads/" not in request.url:
            return self._way.send(request, timeout=timeout)
        with self._lock:
            self._sent += 1
            is_held = self._sent <= self._whole_rounds
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            if is_held:
                self._gate.wait(TIMEOUT)
            return self._way.send(request, timeout=timeout)
        finally:
            with self._lock:
                self._under_way -= 1

    def close(self) -> None:
        """As `Transport` says."""


@pytest.mark.parametrize("workers", [1, 3, 16])
@pytest.mark.parametrize("how", ["ids", "by_id"])
def test_so_many_at_once(lab: Lab, monkeypatch: pytest.MonkeyPatch, how: str, workers: int) -> None:
    """As many threads are read at once as `max_concurrency` says, and no more."""
    gate = Gate(lab, workers)
    set_runtime(monkeypatch, transport=lambda _: gate)
    settings: dict[str, Any] = {
        "ids": {"thread_ids": lab.live_ids},
        "by_id": {"always_fetch_by_id": True, "include_archived": False},
    }
    assert lab.sync(max_concurrency=workers, **settings[how]).ids == lab.live_ids
    assert gate.most == workers
