"""Files of IDs: which are accepted, which are rejected, and how much memory they use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.thread_ids import ConfiguredIds, read_id_file
from tap_hubspot_threads.signals import Stopped
from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
from tests.conftest import Output

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Lab


@pytest.mark.parametrize(
    "content",
    [
        b"17\n18\n19",
        b"\xef\xbb\xbf17\r\n\r\n# found by hand\r\n 18 \r\n19.0\r\n",
        b"# ids\n\n017\n18\n18\n19\n17\n",
        b"id\n17\n18\n19\n",
        b'\xef\xbb\xbf"name","thread_id"\r\n"a, b",17\r\nc,18\r\n,\r\n"two\nlines",19\r\n',
        b"threadId;status\n17;OPEN\n18;CLOSED\n19\n",
        b"status\tid\nOPEN\t17\n\t18\nCLOSED\t19.00\n",
        b"\tid\tstatus\n1\t17\tOPEN\n2\t18\tOPEN\n3\t19\tOPEN\n",
        b"\tid\n1\t17\n2\t18\n3\t19\n",
        b"\t17\n 18\n\t19\t\n",
        b"# a query's result\nid,thread_id\n1,17\n2,18\n3,19\n",
    ],
    ids=range(11),
)
def test_files(content: bytes, tmp_path: Path) -> None:
    """Each of these files names the threads 17, 18 and 19, in this order."""
    path = tmp_path / "ids"
    path.write_bytes(content)
    ids = ConfiguredIds({"thread_ids_file": str(path)})
    ids.check()
    assert list(ids) == ["17", "18", "19"]
    assert ids.total == 3


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"x" * 131_073, r"line 1: field larger than .*; put one ID on each line"),
        (b"17 " * 50_000, "line 1: field larger than"),
        (b"17\n" * 2 + b"1" * 2_000_000, "line 3: longer than 1,000,000 characters; put one ID on"),
        (b"17" * 1_000_000, "line 1: longer than 1,000,000 characters"),
        (b'id,name\n17,"' + b"x\n" * 100_000, "field larger than field limit"),
        (b"17 18 19\n", "line 1: '17 18 19' is not an ID"),
        (b"17\n18 19\n", "line 2: '18 19' is not an ID"),
        (b"17\n\x0018\n", "line 2: contains a zero byte; save the file as text in UTF-8"),
        ("17\n18\n".encode("utf-16-le"), "line 1: contains a zero byte"),
        (b"id\n17\x00\n", "line 2: contains a zero byte"),
        (b"\n# 17\n\n", "is empty"),
        (b"17\nabc\n", "line 2: 'abc' is not an ID"),
        (b"# x\n\n17\n18,\n", "line 4: '18,' is not an ID"),
        (b"name\n17\n", "line 1: 'name' is not an ID"),
        (b"name,thread\nx,17\n", "line 1: no column is named thread_id or threadId or id"),
        (b"id,name\n17,x\n1e5,y\n", "line 3: '1e5' is not an ID"),
        (b'name,id\n"a\nb",17\nx\n', "line 4: '' is not an ID"),
        (b"id\n9336126552\n-1\n", "line 3: '-1' is not an ID"),
        ("17\n18\n".encode("utf-16"), "not in UTF-8"),
        (b"17\n\xff\n", "not in UTF-8"),
        (b"17\n1\x008\n", "line 2"),
        (b"id\n" + b"9" * 200_000, "line 2: field larger"),
        (b'id,x\n17,"open\n18,y\n', "line 3: unexpected end of data"),
    ],
    ids=range(24),
)
def test_wrong_files(content: bytes, text: str, tmp_path: Path) -> None:
    """The error for each of these files names the file, the line and the value."""
    path = tmp_path / "my ids.txt"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=text) as error:
        ConfiguredIds({"thread_ids_file": str(path)}).check()
    assert str(error.value).startswith(f"thread_ids_file: {path}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing", "No such file"),
        (".", "is neither a file nor a pipe"),
        ("a\0b", "null"),
        ("x" * 300, "too long"),
    ],
)
def test_paths_that_are_not_files(name: str, text: str, tmp_path: Path) -> None:
    """A path that is not a file is rejected in one line."""
    with pytest.raises(SettingsError, match=text):
        list(read_id_file(f"{tmp_path}/{name}"))


def test_header_alone(lab: Lab, tmp_path: Path) -> None:
    """A file with only a header reads no thread and does not load the account."""
    path = tmp_path / "ids.csv"
    path.write_text("id,name\n")
    assert lab.sync(thread_ids_file=str(path)).ids == []
    assert lab.calls() == []


def test_list_and_file(lab: Lab, tmp_path: Path) -> None:
    """The file's IDs follow those of `thread_ids`, and each thread is read once."""
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(lab.live_ids[3:8]))
    output = lab.sync(thread_ids=lab.live_ids[:4], thread_ids_file=str(path))
    assert output.ids == lab.live_ids[:8]


def test_file_is_checked_before_the_first_request(lab: Lab, tmp_path: Path) -> None:
    """A wrong last line is found before the first request."""
    path = tmp_path / "ids.txt"
    path.write_text("\n".join([*lab.live_ids, "oops"]))
    with pytest.raises(SettingsError, match="'oops'"):
        lab.sync(thread_ids_file=str(path))
    assert lab.calls() == []


def test_memory(tmp_path: Path) -> None:
    """An ID takes about 100 bytes, so one million take 100 MB."""
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(str(9_336_126_000 + n) for n in range(20_000)))
    ids = ConfiguredIds({"thread_ids_file": str(path)})
    tracemalloc.start()
    ids.check()
    assert sum(1 for _ in ids) == ids.total == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 150


def pipe(path: Path, content: bytes) -> Thread:
    """Create a named pipe; return the thread that writes into it once it has a reader."""
    os.mkfifo(path)

    def write() -> None:
        with suppress(BrokenPipeError):
            path.write_bytes(content)

    writer = Thread(target=write, daemon=True)
    writer.start()
    return writer


def test_pipe(lab: Lab, tmp_path: Path) -> None:
    """A pipe, which can be read only once, is validated as a whole and then read."""
    path = tmp_path / "pipe"
    content = b"\xef\xbb\xbfid,x\r\n" + b"".join(b"%s,y\r\n" % i.encode() for i in lab.live_ids)
    writer = pipe(path, content)
    assert lab.sync(thread_ids_file=str(path)).ids == lab.live_ids
    writer.join(5)


def test_wrong_pipe(lab: Lab, tmp_path: Path) -> None:
    """The error for a wrong last line of a pipe names the line, before the first request."""
    path = tmp_path / "pipe"
    writer = pipe(path, "\n".join([*lab.live_ids, "oops"]).encode())
    with pytest.raises(SettingsError, match=rf"{path}: line {len(lab.live_ids) + 1}: 'oops'"):
        lab.sync(thread_ids_file=str(path))
    writer.join(5)
    assert lab.calls(".") == []


def test_signal_ends_the_wait_for_a_pipe(tmp_path: Path) -> None:
    """A signal ends the wait for a pipe without a writer."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    checks = []

    def stop() -> None:
        checks.append(1)
        if len(checks) > 1:
            raise Stopped(15)

    with pytest.raises(Stopped):
        ConfiguredIds({"thread_ids_file": str(path)}, call=WorkerPool(1, stop).run).check()


@pytest.mark.parametrize("content", [b"", b"\n# none\n"])
def test_empty_pipe(lab: Lab, tmp_path: Path, content: bytes) -> None:
    """An empty pipe is an error, because it may come from a failed query."""
    path = tmp_path / "pipe"
    writer = pipe(path, content)
    with pytest.raises(SettingsError, match="is empty"):
        lab.sync(thread_ids_file=str(path))
    writer.join(5)


@pytest.mark.parametrize("mode", ["pipe on stdin", "file on stdin", "process substitution"])
def test_ids_of_another_process(lab: Lab, tmp_path: Path, mode: str) -> None:
    """IDs can come from another process by stdin or by process substitution."""
    ids = lab.live_ids[:3]
    config, listed = tmp_path / "config.json", tmp_path / "ids"
    config.write_text(json.dumps(lab.config()))
    listed.write_text("\n".join(["threadId", *ids]))
    tap = f"{sys.executable} -m tap_hubspot_threads --config {config} --config ENV"
    variable = "TAP_HUBSPOT_THREADS_THREAD_IDS_FILE"
    script = {
        "pipe on stdin": f"cat {listed} | {variable}=/dev/stdin {tap}",
        "file on stdin": f"{variable}=/dev/stdin {tap} < {listed}",
        "process substitution": f"{variable}=<(sleep 0.1; cat {listed}) {tap}",
    }[mode]
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Output(done.stdout).ids == ids


def test_large_binary_file(tmp_path: Path) -> None:
    """A binary file of 1 GB is rejected at its first bytes, without reading it all."""
    path = tmp_path / "ids"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(SettingsError, match="line 1: contains a zero byte"):
            ConfiguredIds({"thread_ids_file": str(path)}).check()
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
