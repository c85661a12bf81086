"""Several independent syncs on one token share its rate limit, on a simulated clock."""

from __future__ import annotations

import pytest

from tests.hubspot.limits.shared_limit import SharedServer

LIMITS = ["100/10", "110/10", "190/10", "250/10", "19/1"]
LATENCIES = [pytest.param((0.05, 0.3), id="jitter"), pytest.param((0.15, 0.15), id="constant")]

pytestmark = [
    pytest.mark.parametrize("limit", LIMITS),
    pytest.mark.parametrize("latency", LATENCIES),
    pytest.mark.parametrize("seed", [1]),
]


def test_two_syncs(limit: str, latency: tuple[float, float], seed: int) -> None:
    """Two equal syncs use the whole limit, and each gets its share."""
    server = SharedServer(limit, seed, latency)
    server.add()
    server.add()
    server.run(90)
    assert server.used_share(0, 90) >= 0.85
    assert server.refused_share(0, 90) <= 0.05
    assert server.smallest_share(30, 90) >= 0.4


def test_late_sync(limit: str, latency: tuple[float, float], seed: int) -> None:
    """A sync that starts while another uses the whole limit gets its share within 30 seconds."""
    server = SharedServer(limit, seed, latency)
    server.add()
    server.add(start=20)
    server.run(110)
    assert server.used_share(20, 110) >= 0.85
    assert server.refused_share(20, 110) <= 0.05
    assert server.smallest_share(50, 110) >= 0.4


def test_three_syncs(limit: str, latency: tuple[float, float], seed: int) -> None:
    """Three syncs that start 20 seconds apart share the limit; 1-second windows have more 429s."""
    server = SharedServer(limit, seed, latency)
    for start in (0, 20, 40):
        server.add(start=start)
    server.run(130)
    assert server.used_share(40, 130) >= 0.85
    assert server.refused_share(40, 130) <= (0.05 if limit.endswith("/10") else 0.08)
    assert server.smallest_share(70, 130) >= 0.15


def test_beside_a_small_client(limit: str, latency: tuple[float, float], seed: int) -> None:
    """Beside a client that uses 5% of the limit, a sync is about as fast as on its own."""
    alone, server = (SharedServer(limit, seed, latency) for _ in range(2))
    alone.add()
    alone.run(90)
    server.add()
    server.add(rate=0.05 * server.window.maximum / server.window.interval)
    server.run(90)
    assert server.used_share(0, 90) >= min(0.9, alone.used_share(0, 90) - 0.03)
    assert server.refused_share(0, 90) <= 0.05


def test_one_of_two_ends(limit: str, latency: tuple[float, float], seed: int) -> None:
    """When one of two syncs ends, the other uses the whole limit within two intervals."""
    alone, server = (SharedServer(limit, seed, latency) for _ in range(2))
    alone.add()
    alone.run(90)
    server.add()
    server.add(end=40)
    server.run(90)
    assert server.used_share(42, 62) >= 0.85 * alone.used_share(42, 62)
    assert server.used_share(60, 90) >= 0.97 * alone.used_share(60, 90)
    assert server.refused_share(45, 90) <= 0.005


def test_single_sync(limit: str, latency: tuple[float, float], seed: int) -> None:
    """A single sync gets no 429, and uses 97% of the limit at constant latency."""
    server = SharedServer(limit, seed, latency)
    server.add()
    server.run(60)
    assert server.refused_share(0, 60) == 0
    assert server.used_share(0, 60) >= (0.97 if latency[0] == latency[1] else 0.84)
