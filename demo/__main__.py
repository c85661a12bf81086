"""`make run`: load an account into PostgreSQL with Meltano, and show the tables.

With an access token in the environment or in `.env`, the command loads the token's account. Without
a token, it loads a sample account. The sample account is loaded into the embedded database only.
"""

from __future__ import annotations

import hashlib
import pickle
import random
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from rich.markup import escape
from sqlalchemy import URL, create_engine, make_url

from demo.environment import (
    DATA,
    ROOT,
    SAMPLE_SCHEMA,
    TAP,
    TARGET,
    console,
    read_environment,
    run_command,
)
from demo.postgres import embedded_postgres
from demo.report import count_rows, show
from emulator.data.account import Account
from emulator.server import TOKEN, Emulator

if TYPE_CHECKING:
    from contextlib import ExitStack

ACCOUNT = ROOT / ".demo" / "account.pickle"
LOG = ROOT / ".demo" / "meltano.log"
SAMPLE_SIZE = 60

# Example: 2026-01-31T12:00:00Z [info     ] tap-hubspot-threads Message
LINE = re.compile(r"\S+ \[\w+ *\] (tap-hubspot-threads|target-postgres) +(?!METRIC)(.*)")


@dataclass
class Load:
    """The source, the destination and the environment variables of a run."""

    source: str
    database: str
    schema: str
    token: str
    url: URL
    environment: dict[str, str]

    @property
    def state_id(self) -> str:
        """The ID of Meltano's state. Each token, database and schema has its own state."""
        database = self.url.set(password=None, query={}).render_as_string()
        digest = hashlib.sha256(f"{self.token} {database} {self.schema}".encode()).hexdigest()
        return f"{self.schema}-{digest[:12]}"


def main() -> int:
    """Load an account and show the tables. Return the exit code."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: sys.exit(128 + number))
    return run_command(_load_and_show)


def _load_and_show(stack: ExitStack) -> int:
    variables = read_environment()
    has_token = bool(variables.get(f"{TAP}_ACCESS_TOKEN"))
    load = _prepare_real(variables, stack) if has_token else _prepare_sample(variables, stack)
    console.print(
        f"[bold]{load.source}[/] → {load.database}, schema [bold]{load.schema}[/]", soft_wrap=True
    )
    engine = create_engine(load.url)
    stack.callback(engine.dispose)
    with engine.begin() as connection:
        before = count_rows(connection, load.schema)
    started = datetime.now(timezone.utc)
    if not _run_meltano(load):
        return 1
    with engine.begin() as connection:
        show(console, connection, load.schema, before=before, started=started)
    if load.schema == SAMPLE_SCHEMA:
        console.print(
            f"\nTo load your own account, set {TAP}_ACCESS_TOKEN and run `make run` again.\n"
            f"To load it into your own database, set {TARGET}_SQLALCHEMY_URL too.\n"
            "By default this loads threads and deleted_threads. To load every stream, set\n"
            f"{TAP}__SELECT='[\"*.*\"]'.",
            soft_wrap=True,
        )
    return 0


def _prepare_sample(variables: dict[str, str], stack: ExitStack) -> Load:
    """Prepare a load of the sample account, without the user's settings for tap and target."""
    ignored = (f"{TAP}_", f"{TARGET}_", "MELTANO_", "PG")
    environment = {name: value for name, value in variables.items() if not name.startswith(ignored)}
    emulator = stack.enter_context(Emulator(_sample_account(), latency=0.05))
    environment[f"{TAP}_API_URL"] = emulator.url
    environment[f"{TAP}_ACCESS_TOKEN"] = TOKEN
    environment[f"{TAP}__SELECT"] = '["*.*"]'
    url, database = _embedded(stack)
    schema = SAMPLE_SCHEMA
    return _with_target(Load("A sample account", database, schema, TOKEN, url, environment))


def _sample_account() -> Account:
    """Return a new sample account, or the last run's account after one more simulated workday."""
    if ACCOUNT.exists():
        threads, conversations = pickle.loads(ACCOUNT.read_bytes())
        account = Account(threads, conversations=conversations)
        account.simulate_workday(random.Random())
    else:
        account = Account.sample(SAMPLE_SIZE)
    ACCOUNT.parent.mkdir(exist_ok=True)
    ACCOUNT.write_bytes(pickle.dumps((list(account.threads.values()), account.conversations)))
    return account


def _prepare_real(variables: dict[str, str], stack: ExitStack) -> Load:
    environment = dict(variables)
    schema = environment.get(f"{TARGET}_DEFAULT_TARGET_SCHEMA") or "hubspot"
    if environment.get(f"{TARGET}_SQLALCHEMY_URL"):
        database = f"the database of {TARGET}_SQLALCHEMY_URL"
        url = make_url(environment[f"{TARGET}_SQLALCHEMY_URL"])
        if not url.drivername.startswith("postgres"):
            message = (
                f"{TARGET}_SQLALCHEMY_URL is a {url.drivername} URL, but `make run` loads into "
                "PostgreSQL only. Set it to a PostgreSQL URL, or unset it."
            )
            raise ValueError(message)
        environment.pop("PGTZ", None)
    else:
        url, database = _embedded(stack)
        environment = {
            name: value for name, value in variables.items() if not name.startswith("PG")
        }
    token = environment[f"{TAP}_ACCESS_TOKEN"]
    return _with_target(Load("Your HubSpot account", database, schema, token, url, environment))


def _embedded(stack: ExitStack) -> tuple[URL, str]:
    url = make_url(stack.enter_context(embedded_postgres(DATA)))
    return url, f"the embedded PostgreSQL in {DATA.relative_to(ROOT)}"


def _with_target(load: Load) -> Load:
    """Set the target's database and schema, and use UTC in the database sessions."""
    options = f"{load.url.query.get('options', '')} -c timezone=UTC".strip()
    load.url = load.url.set(drivername="postgresql+psycopg").update_query_dict({"options": options})
    load.environment[f"{TARGET}_SQLALCHEMY_URL"] = load.url.render_as_string(hide_password=False)
    load.environment[f"{TARGET}_DEFAULT_TARGET_SCHEMA"] = load.schema
    return load


def _run_meltano(load: Load) -> bool:
    """Install the plugins if necessary, and run them. Return whether both steps succeeded."""
    meltano = str(Path(sys.executable).with_name("meltano"))
    environment = load.environment | {
        "MELTANO_PROJECT_ROOT": str(ROOT),
        # Keep the state next to the embedded database, so that both are deleted together.
        "MELTANO_DATABASE_URI": f"sqlite:///{LOG.with_name('meltano.db')}",
        "MELTANO_CLI_LOG_LEVEL": "info",
        "NO_COLOR": "1",
    }
    steps = {
        "Installing the tap and target-postgres": ["install"],
        "Loading": ["el", "tap-hubspot-threads", "target-postgres", "--state-id", load.state_id],
    }
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        for step, arguments in steps.items():
            code, last_lines = _run(step, [meltano, *arguments], environment, log)
            if code:
                console.print(f"[red]{step} failed.[/] Last log lines:")
                for line in last_lines:
                    console.print(f"  {escape(line)}")
                console.print(f"The full log is in {LOG.relative_to(ROOT)}.")
                return False
    return True


def _run(
    step: str, command: list[str], environment: dict[str, str], log: TextIO
) -> tuple[int, list[str]]:
    """Run a command and show its progress. Return its exit code and each plugin's last log line."""
    last_lines: dict[str, str] = {}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    try:
        with console.status(f"{step} …") as status:
            for line in cast("TextIO", process.stdout):
                log.write(line)
                if match := LINE.match(line):
                    plugin, message = match.groups()
                    last_lines[plugin] = f"{plugin}: {message}"
                    status.update(f"{step} … {escape(message)}")
        return process.wait(), list(last_lines.values())
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
