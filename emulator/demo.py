"""`make run`: threads into PostgreSQL by Meltano, and what is in the table then.

With an access token in the environment (or in `.env`) that account is read, else a sample account.
Sample data only ever goes to the embedded database.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO, cast

from dotenv import dotenv_values
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection, create_engine, inspect, make_url, text

from emulator.account import Account
from emulator.postgres import embedded_postgres
from emulator.server import TOKEN, Emulator

ROOT = Path(__file__).parent.parent
DATA = ROOT / ".demo" / "postgres"
LOG = ROOT / ".demo" / "meltano.log"
TAP, TARGET = "TAP_HUBSPOT_THREADS", "TARGET_POSTGRES"
SAMPLE_SIZE = 60
SHOWN = 12

console = Console(highlight=False)


@dataclass
class Load:
    """One load: from which account, into which database."""

    source: str
    database: str
    schema: str
    state_id: str
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """The database, by the driver that is installed here."""
        url = make_url(self.environment[f"{TARGET}_SQLALCHEMY_URL"])
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def main() -> int:
    """Load and show; return the exit code."""
    given = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    given.update(os.environ)
    os.chdir(ROOT)
    with ExitStack() as stack:
        try:
            load = (
                _real(given, stack) if given.get(f"{TAP}_ACCESS_TOKEN") else _sample(given, stack)
            )
        except ValueError as error:
            console.print(f"[red]{error}[/]")
            return 1
        console.print(f"[bold]{load.source}[/] → {load.database}, schema [bold]{load.schema}[/]")
        engine = create_engine(load.url)
        stack.callback(engine.dispose)
        with engine.begin() as connection:
            before = _count(connection, load.schema)
        started = datetime.now(timezone.utc)
        if not _run_meltano(load):
            return 1
        with engine.begin() as connection:
            _show(connection, load, before, started)
    _say_next(load)
    return 0


def _sample(given: dict[str, str], stack: ExitStack) -> Load:
    """Take a made-up account and nothing of the user's settings but the machine's."""
    mine = (f"{TAP}_", f"{TARGET}_", "MELTANO_")
    environment = {name: value for name, value in given.items() if not name.startswith(mine)}
    emulator = stack.enter_context(Emulator(Account.sample(SAMPLE_SIZE), latency=0.05))
    environment[f"{TAP}_API_URL"] = emulator.url
    environment[f"{TAP}_ACCESS_TOKEN"] = TOKEN
    environment[f"{TARGET}_SQLALCHEMY_URL"] = stack.enter_context(embedded_postgres(DATA))
    environment[f"{TARGET}_DEFAULT_TARGET_SCHEMA"] = "hubspot_sample"
    database = f"the embedded PostgreSQL in {DATA.relative_to(ROOT)}"
    return Load("A sample account", database, "hubspot_sample", "sample", environment)


def _real(given: dict[str, str], stack: ExitStack) -> Load:
    environment = dict(given)
    schema = environment.setdefault(f"{TARGET}_DEFAULT_TARGET_SCHEMA", "hubspot")
    database = f"the database of {TARGET}_SQLALCHEMY_URL"
    if not environment.get(f"{TARGET}_SQLALCHEMY_URL"):
        environment[f"{TARGET}_SQLALCHEMY_URL"] = stack.enter_context(embedded_postgres(DATA))
        database = f"the embedded PostgreSQL in {DATA.relative_to(ROOT)}"
    return Load("Your HubSpot account", database, schema, "hubspot", environment)


def _run_meltano(load: Load) -> bool:
    """Install the plugins where they are not yet, and run them; tell how that ended."""
    meltano = str(Path(sys.executable).with_name("meltano"))
    environment = load.environment | {
        "MELTANO_PROJECT_ROOT": str(ROOT),
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
            process = subprocess.Popen(
                [meltano, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
            with process, console.status(f"{step} …") as status:
                for line in cast("TextIO", process.stdout):
                    log.write(line)
                    # 2026-01-31T12:00:00Z [info     ] tap-hubspot-threads What it says
                    _, is_tap, message = line.rstrip().partition("] tap-hubspot-threads ")
                    if is_tap and not message.startswith("METRIC"):
                        status.update(f"{step} … {escape(message)}")
            if process.returncode:
                console.print(f"[red]{step} failed.[/] The end of {LOG.relative_to(ROOT)}:\n")
                log.flush()
                lines = LOG.read_text(encoding="utf-8").splitlines()
                print("\n".join(lines[-15:]))
                return False
    return True


def _count(connection: Connection, schema: str) -> int:
    if not inspect(connection).has_table("threads", schema):
        return 0
    return int(connection.execute(text(f'SELECT count(*) FROM "{schema}".threads')).scalar_one())


def _show(connection: Connection, load: Load, before: int, started: datetime) -> None:
    table_name = f'"{load.schema}".threads'

    def rows(query: str, **values: Any) -> list[Any]:
        return list(connection.execute(text(query), values))

    table = Table("thread", "status", "inbox", "assigned to", "ticket", "latest message (UTC)")
    for row in rows(
        f"""
        SELECT id, status, "inboxId", coalesce("assignedTo", ''),
               coalesce("threadAssociations" ->> 'associatedTicketId', ''),
               coalesce(to_char("latestMessageTimestamp", 'YYYY-MM-DD HH24:MI'), '')
        FROM {table_name} ORDER BY "latestMessageTimestamp" DESC NULLS LAST LIMIT {SHOWN}
        """
    ):
        table.add_row(*row)
    console.print(table)
    after = _count(connection, load.schema)
    counts = Table("status", "threads", "of them archived", "spam")
    for row in rows(
        f"""
        SELECT coalesce(status, 'unknown'), count(*)::text,
               (count(*) FILTER (WHERE archived))::text, (count(*) FILTER (WHERE spam))::text
        FROM {table_name} GROUP BY 1 ORDER BY 1
        """
    ):
        counts.add_row(*row)
    console.print(counts)
    query = f"SELECT count(*) FROM {table_name} WHERE _sdc_batched_at >= :started"
    written = rows(query, started=started.replace(tzinfo=None))[0][0]
    console.print(
        f"[green]{written} threads written[/]: {after - before} new, "
        f"{written - (after - before)} that were there before. {after} rows in the table."
    )


def _say_next(load: Load) -> None:
    if load.state_id == "sample":
        console.print(
            f"\nTo load your own account, put its token into {TAP}_ACCESS_TOKEN\n"
            f"and, for a database of your own, its URL into {TARGET}_SQLALCHEMY_URL; "
            "then make run again."
        )


if __name__ == "__main__":
    sys.exit(main())
