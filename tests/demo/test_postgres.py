"""Tests of starting the embedded PostgreSQL."""

from __future__ import annotations

import subprocess

import pytest

from demo.postgres import start_server


class SlowServer:
    """A server whose first starts time out."""

    def __init__(self, timeouts: int) -> None:
        self.timeouts = timeouts
        self.starts = 0

    def start(self) -> None:
        """Raise a timeout, or return."""
        self.starts += 1
        if self.starts <= self.timeouts:
            raise subprocess.TimeoutExpired(cmd="pg_ctl", timeout=10)


def test_a_start_that_times_out_is_repeated() -> None:
    """A start that times out on a busy machine is repeated."""
    server = SlowServer(timeouts=1)
    start_server(server.start)
    assert server.starts == 2


def test_a_server_that_never_starts_is_an_error() -> None:
    """After the third timeout, the error is raised."""
    server = SlowServer(timeouts=3)
    with pytest.raises(subprocess.TimeoutExpired):
        start_server(server.start)
    assert server.starts == 3
