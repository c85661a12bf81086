"""Standard output: whole lines in order, for any kind of stdout that a process can have."""

from __future__ import annotations

import errno
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from tap_hubspot_threads.errors import OutputError
from tap_hubspot_threads.signals import Stopped
from tap_hubspot_threads.singer.stdout import BUFFER, Output, as_output
from tests.conftest import UNBUFFERED, Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THREADS = 3_000
SOON = 10


@pytest.fixture(scope="module")
def large() -> Iterator[Lab]:
    """An account whose records exceed a pipe's capacity many times."""
    with open_lab(Account.sample(THREADS)) as lab:
        yield lab


@pytest.fixture(params=[True, False], ids=["blocking", "nonblocking"])
def pipe(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """The two ends of a pipe."""
    reader, writer = os.pipe()
    os.set_blocking(writer, request.param)
    inode = os.fstat(reader).st_ino
    yield reader, writer
    for descriptor in (reader, writer):
        # If the test has closed the end, its number can belong to another file by now.
        try:
            is_open = os.fstat(descriptor).st_ino == inode
        except OSError as error:
            assert error.errno == errno.EBADF  # noqa: PT017 - closed by the test
        else:
            if is_open:
                os.close(descriptor)


def test_streams_that_are_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stdout that Python code has redirected, or without `select.poll`, is not replaced."""
    redirected = io.StringIO()
    assert as_output(redirected) is redirected
    monkeypatch.setattr(sys, "__stdout__", redirected)
    monkeypatch.delattr(select, "poll")
    assert as_output(redirected) is redirected


def test_pipe_loses_nothing(pipe: tuple[int, int]) -> None:
    """Text larger than the pipe arrives complete and in order, although the reader pauses."""
    reader, writer = pipe
    lines = [f"{number} {'ä' * (number % 5_000)}\n" for number in range(400)]
    received = bytearray()

    def read() -> None:
        while data := os.read(reader, 3_001):
            received.extend(data)
            if len(received) % 7 == 0:
                time.sleep(0.001)

    thread = threading.Thread(target=read)
    thread.start()
    output = Output(writer)
    for line in lines:
        output.write(line)
    output.flush()
    os.close(writer)
    thread.join()
    assert received.decode() == "".join(lines)


def test_nothing_is_written_after_a_failure(pipe: tuple[int, int]) -> None:
    """After a pipe has lost its reader, every later call raises an error; close does not."""
    reader, writer = pipe
    os.close(reader)
    output = Output(writer)
    output.write("a line\n")
    for _ in range(2):
        with pytest.raises(OutputError, match=r"the target closed the pipe\. Check"):
            output.flush()
    with pytest.raises(OutputError):
        output.write("x" * BUFFER)
    output.close()


def test_signal_ends_the_wait_for_a_full_pipe(pipe: tuple[int, int]) -> None:
    """A signal ends the wait for a full pipe that has no reader; nothing more is written."""
    reader, writer = pipe
    output = Output(writer, stop_timeout=0.1)

    def stop() -> None:
        raise Stopped(signal.SIGTERM)

    output.check = stop
    output.write("a short line\n")
    output.flush()  # fits into the pipe
    with pytest.raises(Stopped):
        output.write("x" * 1_000_000)
    size = len(os.read(reader, 1_000_000))
    with pytest.raises(Stopped):
        output.flush()
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    assert size < 1_000_000


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_error_in_the_middle_of_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    """After an error nothing is appended to the cut line."""
    path = tmp_path / "out"
    write, calls = os.write, [0]

    def fail_later(descriptor: int, data: bytes) -> int:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(code, os.strerror(code))
        return write(descriptor, data[:3])

    with path.open("w") as file:
        output = Output(file.fileno())
        output.write("abcdef\n")
        monkeypatch.setattr(os, "write", fail_later)
        with pytest.raises(OutputError, match=os.strerror(code)):
            output.flush()
        output.write("STATE\n")
        with pytest.raises(OutputError):
            output.flush()
        monkeypatch.undo()
    assert path.read_text() == "abc"


@contextmanager
def tap(
    lab: Lab, folder: Path, stdout: int, environment: dict[str, str], **settings: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run the tap with a descriptor as stdout, and close the descriptor in this process."""
    config = folder / "config.json"
    config.write_text(json.dumps(lab.config(**settings)))
    command = [sys.executable, "-m", "tap_hubspot_threads", "--config", str(config)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=stdout, stderr=log, env=os.environ | environment, encoding="utf-8"
        )
    os.close(stdout)
    with process:
        try:
            yield process
        finally:
            process.kill()


def messages(data: bytes) -> list[dict[str, Any]]:
    """Parse the output; fail if a line is cut."""
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


@UNBUFFERED
def test_reader_pauses(
    large: Lab, tmp_path: Path, pipe: tuple[int, int], environment: dict[str, str]
) -> None:
    """All records and a last STATE arrive, although the reader pauses at a full pipe."""
    reader, writer = pipe
    with tap(large, tmp_path, writer, environment) as process:
        data = os.read(reader, 1_000)
        time.sleep(0.3)
        while chunk := os.read(reader, 1 << 20):
            data += chunk
            if len(data) < 200_000:
                time.sleep(0.05)
        assert process.wait(SOON) == 0
    received_messages = messages(data)
    assert sum(message["type"] == "RECORD" for message in received_messages) == THREADS
    assert received_messages[-1]["type"] == "STATE"


@UNBUFFERED
def test_sigstop_and_sigcont(
    large: Lab, tmp_path: Path, pipe: tuple[int, int], environment: dict[str, str]
) -> None:
    """Twenty SIGSTOPs and SIGCONTs at a full pipe cut no line and lose no record."""
    reader, writer = pipe
    with tap(large, tmp_path, writer, environment) as process:
        data = os.read(reader, 1_000)
        for _ in range(20):
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.01)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.01)
            data += os.read(reader, 20_000)
        while chunk := os.read(reader, 1 << 20):
            data += chunk
        assert process.wait(SOON) == 0
    received_messages = messages(data)
    assert sum(message["type"] == "RECORD" for message in received_messages) == THREADS
    assert received_messages[-1]["type"] == "STATE"


@UNBUFFERED
def test_signal_at_a_full_pipe(
    large: Lab, tmp_path: Path, pipe: tuple[int, int], environment: dict[str, str]
) -> None:
    """A signal at a full pipe ends in whole lines, a last STATE and exit code 128 + signal."""
    reader, writer = pipe
    with tap(large, tmp_path, writer, environment) as process:
        data = os.read(reader, 1_000)
        time.sleep(0.3)
        process.terminate()
        time.sleep(0.2)
        while chunk := os.read(reader, 1 << 20):
            data += chunk
        assert process.wait(SOON) == 128 + signal.SIGTERM
    received_messages = messages(data)
    assert sum(message["type"] == "RECORD" for message in received_messages) < THREADS
    assert received_messages[-1]["type"] == "STATE"


@UNBUFFERED
def test_disk_fills(lab: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    """A full disk leads to exit code 1 and an error with the reason, even in the last line."""
    program = """
import resource, sys
from tap_hubspot_threads.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
main()
"""
    config, out = tmp_path / "config.json", tmp_path / "out"
    config.write_text(json.dumps(lab.config()))

    def run(limit: int) -> tuple[int, str]:
        command = [sys.executable, "-c", program, str(limit), "--config", str(config)]
        with out.open("w") as file:
            done = subprocess.run(
                command,
                stdout=file,
                stderr=subprocess.PIPE,
                env=os.environ | environment,
                encoding="utf-8",
                check=False,
            )
        return done.returncode, done.stderr.splitlines()[-1]

    assert run(1 << 30)[0] == 0
    size = out.stat().st_size
    for limit in (size - 10, size // 2, 100):
        exit_code, last = run(limit)
        assert exit_code == 1
        assert "Could not write to standard output: File too large. " in last
        assert out.stat().st_size == limit
