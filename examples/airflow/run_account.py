"""Load one HubSpot account into PostgreSQL, resuming from the state of the last run.

    python run_account.py ACCOUNT

Everything else comes from environment variables, so that any machine can run it:

    TAP_HUBSPOT_THREADS_...  settings of the tap, such as ..._ACCESS_TOKEN
    TARGET_POSTGRES_...      settings of the target, such as ..._SQLALCHEMY_URL
    CATALOG                  path of a catalog; default: the tap's default streams
    STATE_DATABASE_URL       PostgreSQL that stores the states; default: the target's

The exit code is the tap's (75: try again later; 78: fix a setting first). If only the target has
failed, it is the target's. A state is saved once the target has confirmed that everything before it
is loaded. If any process dies, the next run loads the rest.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from sqlalchemy import Connection

TAP, TARGET = "tap-hubspot-threads", "target-postgres"
EXIT_USAGE, EX_TEMPFAIL, EX_CONFIG = 2, 75, 78
KEEPALIVE = {"tcp_keepalives_idle": 60, "tcp_keepalives_interval": 15, "tcp_keepalives_count": 4}
"""Lets the database detect a lost machine within two minutes. By default that may take hours."""


def main() -> int:
    """Load the account that the command line names. Return the exit code."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the account
        print("usage: run_account.py ACCOUNT", file=sys.stderr)  # noqa: T201 - a command
        return EXIT_USAGE
    account = sys.argv[1]
    missing = [program for program in (TAP, TARGET) if not shutil.which(program)]
    if missing:
        reason = f"Not on PATH: {' and '.join(missing)}. Add the folder that has both programs."
        return end(account, EX_CONFIG, reason)
    url = os.environ.get("STATE_DATABASE_URL") or os.environ.get("TARGET_POSTGRES_SQLALCHEMY_URL")
    if not url:
        reason = "No database for the states. Set STATE_DATABASE_URL."
        return end(account, EX_CONFIG, reason)
    with connect(url) as connection:
        states = States(connection, account)
        if not states.lock():
            reason = "Another run of this account is in progress. Try again later."
            return end(account, EX_TEMPFAIL, reason)
        load = Load(account, states)
        code = load.run()
    return end(account, code, load.last_line)


def end(account: str, code: int, reason: str) -> int:
    """Print the last line of the output, which says how the run ended. Return the exit code."""
    print(f"{account}: exit code {code}: {reason}", flush=True)  # noqa: T201 - a command
    return code


class States:
    """The state of an account, in a table of a PostgreSQL that all machines can reach.

    The lock belongs to the database session. It ends with the process, however that ends, and
    within two minutes if the machine or the network fails. Do not connect through a pooler that
    shares sessions between clients, such as PgBouncer in transaction mode.
    """

    def __init__(self, connection: Connection, account: str) -> None:
        self._connection, self._account = connection, account

    def lock(self) -> bool:
        """Lock the account until this run ends. Return False if another run has locked it."""
        for setting, value in KEEPALIVE.items():
            self._execute(f"SET {setting} = {value}")
        self._execute("SELECT pg_advisory_lock(hashtext('singer_states'), 0)")
        self._execute(
            "CREATE TABLE IF NOT EXISTS singer_states"
            " (account text PRIMARY KEY, state json NOT NULL, saved_at timestamptz NOT NULL)"
        )
        self._execute("SELECT pg_advisory_unlock(hashtext('singer_states'), 0)")
        lock = "SELECT pg_try_advisory_lock(hashtext('singer_states/' || :account), 1)"
        return bool(self._execute(lock).scalar())

    def read(self) -> dict[str, Any] | None:
        """Return the saved state, or None before the first run."""
        query = "SELECT state FROM singer_states WHERE account = :account"
        state: dict[str, Any] | None = self._execute(query).scalar()
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state."""
        self._execute(
            "INSERT INTO singer_states VALUES (:account, :state, now()) ON CONFLICT (account)"
            " DO UPDATE SET state = excluded.state, saved_at = excluded.saved_at",
            state=json.dumps(state),
        )

    def _execute(self, statement: str, **values: str) -> Any:  # noqa: ANN401 - the driver's
        return self._connection.execute(text(statement), {"account": self._account, **values})


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """Connect to the database of the states. Each statement is its own transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


class Load:
    """One run of the tap into the target.

    SIGTERM and SIGINT are forwarded to the tap, which writes its STATE and ends. The target then
    loads the rest of its input, and that STATE is saved. Both programs run in their own sessions,
    so that a signal to the whole process group does not end the target too early. A second signal
    kills both.
    """

    def __init__(self, account: str, states: States) -> None:
        self._account, self._states = account, states
        self._processes: list[subprocess.Popen[str]] = []
        self._was_signalled = False
        self._last: deque[str] = deque(maxlen=1)

    @property
    def last_line(self) -> str:
        """The tap's last log line, which says how the sync ended and what to do."""
        return self._last[0] if self._last else "The tap logged nothing."

    def run(self) -> int:
        """Run tap and target, and save each confirmed state. Return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._forward_signal)
        with tempfile.TemporaryDirectory() as folder:
            try:
                return self._load(Path(folder))
            finally:
                self._kill()

    def _load(self, folder: Path) -> int:
        arguments = []
        if state := self._states.read():
            path = folder / "state.json"
            path.write_text(json.dumps(state), encoding="utf-8")
            arguments += ["--state", str(path)]
        if catalog := os.environ.get("CATALOG"):
            arguments += ["--catalog", catalog]
        tap = self._start(TAP, *arguments, stderr=subprocess.PIPE)
        logger = threading.Thread(target=self._copy_log, args=(tap.stderr,), daemon=True)
        logger.start()
        target = self._start(TARGET, stdin=tap.stdout)
        if tap.stdout:
            tap.stdout.close()  # leaves the pipe to the target, so the tap notices its death
        for line in target.stdout or ():
            self._states.save(json.loads(line))
        codes = status(tap.wait()), status(target.wait())
        logger.join()
        return choose_exit_code(*codes)

    def _start(self, program: str, *arguments: str, **pipes: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's
        process = subprocess.Popen(  # noqa: S603 - the two programs above
            [program, "--config=ENV", *arguments],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
            **pipes,
        )
        self._processes.append(process)
        return process

    def _copy_log(self, lines: IO[str]) -> None:
        for line in lines:
            sys.stderr.write(line)
            sys.stderr.flush()
            self._last.append(line.split(" | ", 3)[-1].strip())  # without time, level and name

    def _forward_signal(self, number: int, _: FrameType | None) -> None:
        if self._was_signalled:
            self._kill()
        elif self._processes:
            self._processes[0].send_signal(number)
        self._was_signalled = True

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()


def status(code: int) -> int:
    """Return an exit code in the shell's form: 128 + n for a process that signal n ended."""
    return code if code >= 0 else 128 - code


def choose_exit_code(tap: int, target: int) -> int:
    """Return the tap's exit code, which says what to do, or the target's if only that one failed.

    The tap also ends with 1 if the target has died. In that case, the target's code has the reason.
    """
    return target if target and tap in {0, 1} else tap


if __name__ == "__main__":
    sys.exit(main())
