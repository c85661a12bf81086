"""Several syncs on one token, without a word between them; on a clock that is not real."""

from __future__ import annotations

import pytest

from tests.hubspot.limits.shared_limit import Shared

LIMITS = ["100/10", "110/10", "190/10", "250/10", "19/1"]
LATENCIES = [pytest.param((0.05, 0.3), id="jitter"), pytest.param((0.15, 0.15), id="constant")]

pytestmark = [
    pytest.mark.parametrize("limit", LIMITS),
    pytest.mark.parametrize("latency", LATENCIES),
    pytest.mark.parametrize("seed", [1]),
]


def test_two(limit: str, latency: tuple[float, float], seed: int) -> None:
    """Two equal syncs use the limit together, and each gets its part."""
    server = Shared(limit, seed, latency)
    server.add()
    server.add()
    server.run(90)
    assert server.used(0, 90) >= 0.85
    assert server.refused(0, 90) <= 0.05
    assert server.least(30, 90) >= 0.4


def test_late_one(limit: str, latency: tuple[float, float], seed: int) -> None:
    """One that starts when the other has the whole window has its part within half a minute."""
    server = Shared(limit, seed, latency)
    server.add()
    server.add(start=20)
    server.run(110)
    assert server.used(20, 110) >= 0.85
    assert server.refused(20, 110) <= 0.05
    assert server.least(50, 110) >= 0.4


def test_three(limit: str, latency: tuple[float, float], seed: int) -> None:
    """Three, each 20 s after the other, use it too; in windows of a second they meet more often."""
    server = Shared(limit, seed, latency)
    for start in (0, 20, 40):
        server.add(start=start)
    server.run(130)
    assert server.used(40, 130) >= 0.85
    assert server.refused(40, 130) <= (0.05 if limit.endswith("/10") else 0.08)
    assert server.least(70, 130) >= 0.15


def test_beside_a_small_job(limit: str, latency: tuple[float, float], seed: int) -> None:
    """Beside a job that takes a twentieth, a sync is about as fast as it would be alone."""
    alone, server = (Shared(limit, seed, latency) for _ in range(2))
    alone.add()
    alone.run(90)
    server.add()
    server.add(rate=0.05 * server.window.maximum / server.window.interval)
    server.run(90)
    assert server.used(0, 90) >= min(0.9, alone.used(0, 90) - 0.03)
    assert server.refused(0, 90) <= 0.05


def test_one_ends(limit: str, latency: tuple[float, float], seed: int) -> None:
    """When one ends, the other has the whole limit within two intervals; 429s are rare."""
    alone, server = (Shared(limit, seed, latency) for _ in range(2))
    alone.add()
    alone.run(90)
    server.add()
    server.add(end=40)
    server.run(90)
    assert server.used(42, 62) >= 0.85 * alone.used(42, 62)
    assert server.used(60, 90) >= 0.97 * alone.used(60, 90)
    assert server.refused(45, 90) <= 0.005


def test_alone(limit: str, latency: tuple[float, float], seed: int) -> None:
    """One alone is never refused; with answers that take the same time it uses 97 %."""
    server = Shared(limit, seed, latency)
    server.add()
    server.run(60)
    assert server.refused(0, 60) == 0
    assert server.used(0, 60) >= (0.97 if latency[0] == latency[1] else 0.84)
