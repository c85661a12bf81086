"""Load one HubSpot account: the tap into the target, from the state of the last run to a newer one.

    python run_account.py ACCOUNT

Everything else is in the environment, so that any machine can do it:

    TAP_HUBSPOT_THREADS_...  the tap's settings, such as ..._ACCESS_TOKEN
    TARGET_POSTGRES_...      the target's, such as ..._SQLALCHEMY_URL
    CATALOG                  path of a catalog; without one the tap's default streams are loaded
    STATE_DATABASE_URL       the PostgreSQL that keeps the states; by default the target's

The exit code is the tap's own (75: try again later; 78: mend something first), unless the tap has
nothing to complain of but its target; then it is the target's. A state is saved when the target has
said that all before it is loaded, and not before: whatever dies, the next run loads the rest.
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
WRONG_CALL, TRY_LATER, MEND = 2, 75, 78
KEEPALIVE = {"tcp_keepalives_idle": 60, "tcp_keepalives_interval": 15, "tcp_keepalives_count": 4}
"""Has the database notice that a machine is gone, which may else take it hours."""


def main() -> int:
    """Load the account that the command line names; return the exit code."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the account
        print("usage: run_account.py ACCOUNT", file=sys.stderr)  # noqa: T201 - a command
        return WRONG_CALL
    account = sys.argv[1]
    missing = [program for program in (TAP, TARGET) if not shutil.which(program)]
    url = os.environ.get("STATE_DATABASE_URL") or os.environ.get("TARGET_POSTGRES_SQLALCHEMY_URL")
    if missing or not url:
        what = f"{' and '.join(missing)}: not on PATH" if missing else "STATE_DATABASE_URL: not set"
        return end(account, MEND, what)
    with connect(url) as connection:
        states = States(connection, account)
        if not states.lock():
            return end(account, TRY_LATER, "another run of this account is under way")
        load = Load(account, states)
        code = load.run()
    return end(account, code, load.last_words)


def end(account: str, code: int, words: str) -> int:
    """Say in one line, the last one, how it ended."""
    print(f"{account}: exit code {code}: {words}", flush=True)  # noqa: T201 - a command
    return code


class States:
    """The accounts' states, in a table of a PostgreSQL that all machines reach.

    The lock is the session's: it ends with the process, whichever way that ends, and within two
    minutes where the whole machine or the network goes. A pooler that shares sessions between
    clients (PgBouncer's transaction mode) must not stand in between.
    """

    def __init__(self, connection: Connection, account: str) -> None:
        self._connection, self._account = connection, account

    def lock(self) -> bool:
        """Tell whether no other run has this account; none will have it until this one ends."""
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
        """Return the state that was saved last, if one was."""
        query = "SELECT state FROM singer_states WHERE account = :account"
        state: dict[str, Any] | None = self._execute(query).scalar()
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Save a state in place of the last one."""
        self._execute(
            "INSERT INTO singer_states VALUES (:account, :state, now()) ON CONFLICT (account)"
            " DO UPDATE SET state = excluded.state, saved_at = excluded.saved_at",
            state=json.dumps(state),
        )

    def _execute(self, statement: str, **values: str) -> Any:  # noqa: ANN401 - the driver's
        return self._connection.execute(text(statement), {"account": self._account, **values})


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """Connect to the database of the states; each statement is a transaction of its own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


class Load:
    """One run of the tap into the target.

    SIGTERM and SIGINT go to the tap, which writes its STATE and ends; the target then loads what
    it has, and that STATE is saved. Both programs are in sessions of their own, so that who signals
    the whole group does not end the target before that. A second signal kills them.
    """

    def __init__(self, account: str, states: States) -> None:
        self._account, self._states = account, states
        self._processes: list[subprocess.Popen[str]] = []
        self._was_signalled = False
        self._last: deque[str] = deque(maxlen=1)

    @property
    def last_words(self) -> str:
        """The tap's last line, which says how it ended and what to do."""
        return self._last[0] if self._last else "the tap said nothing"

    def run(self) -> int:
        """Load, and save each state that the target confirms; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
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
        listener = threading.Thread(target=self._listen, args=(tap.stderr,), daemon=True)
        listener.start()
        target = self._start(TARGET, stdin=tap.stdout)
        if tap.stdout:
            tap.stdout.close()  # the target's alone, so that the tap notices when that dies
        for line in target.stdout or ():
            self._states.save(json.loads(line))
        codes = status(tap.wait()), status(target.wait())
        listener.join()
        return which(*codes)

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

    def _listen(self, lines: IO[str]) -> None:
        for line in lines:
            sys.stderr.write(line)
            sys.stderr.flush()
            self._last.append(line.split(" | ", 3)[-1].strip())  # without time, level and name

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if self._was_signalled:
            self._kill()
        elif self._processes:
            self._processes[0].send_signal(number)
        self._was_signalled = True

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()


def status(code: int) -> int:
    """Return an exit code as a shell has it: 128 + n for a process that signal n ended."""
    return code if code >= 0 else 128 - code


def which(tap: int, target: int) -> int:
    """Return the exit code that says more.

    The tap's, as it tells a scheduler what to do; but 1 may be no more than that its target has
    gone away, and then the target's tells why.
    """
    return target if target and tap in {0, 1} else tap


if __name__ == "__main__":
    sys.exit(main())
