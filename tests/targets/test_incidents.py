"""The instructions on incidents, alerts and many accounts work, with and without Meltano.

The commands, scripts and SQL come from the pages of the documentation.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.data.account import Account
from emulator.data.thread import HELP_DESK, SALES
from emulator.server import TOKEN
from tests.conftest import open_lab
from tests.targets.expected import differences, empty_tables, expected_threads
from tests.targets.pipe import PROGRAMS
from tests.targets.postgres import psql
from tests.tools.docs import ROOT, blocks, page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Lab
    from tests.targets.postgres import Database

pytestmark = pytest.mark.loads

FULL_LISTING = r"sort=id(?!.*threadStatus)"
"""Matches the pages of a full listing, and the page by which each later sync finds new threads."""
STATE_ID = "prod:tap-hubspot-threads-to-target-postgres"
DAMAGE = "UPDATE hubspot.threads SET \"inboxId\" = '0'"
"""Damage that a faulty version might cause."""


def commands(block: str) -> str:
    """Return the commands of a console block."""
    return "\n".join(line[2:] for line in block.splitlines() if line.startswith("$ "))


def consoles(name: str, heading: str = "") -> list[str]:
    """Return the commands of a page, one text per console block, optionally below one heading."""
    text = page(name)
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [commands(block) for block in blocks(text, "console")]


class Workspace:
    """A folder from which an account is loaded.

    Args:
        lab: Serves the account.
        database: The load's destination.
        folder: The working directory of the loads.
    """

    def __init__(self, lab: Lab, database: Database, folder: Path) -> None:
        self.lab, self.database, self.folder = lab, database, folder
        lab.account.behavior.status_filter = "works"
        folder.mkdir()

    def script(
        self, text: str, argument: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script."""
        (self.folder / "script").write_text(text, encoding="utf-8")
        return self.sh(f"bash script {argument}", **environment)

    def sh(self, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run shell commands, and stop at the first failure."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith("MELTANO_")}
        return subprocess.run(
            ["bash", "-e", "-c", text],
            cwd=self.folder,
            env=clean
            | {
                "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
                "PYTHONWARNINGS": "ignore",
                "TAP_HUBSPOT_THREADS_API_URL": self.lab.emulator.url,
                "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": TOKEN,
                "TARGET_POSTGRES_SQLALCHEMY_URL": self.database.url,
            }
            | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def run_ok(self, text: str, **environment: str) -> str:
        """Run shell commands that must succeed, and return their stdout."""
        done = self.sh(text, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def check(self) -> None:
        """Compare the threads table with the account, value by value."""
        found, expected = empty_tables(), empty_tables()
        found["threads"], expected["threads"] = (
            self.database.rows("threads"),
            expected_threads(self.lab.account),
        )
        assert list(differences(found, expected)) == []

    def calls(self, pattern: str) -> int:
        """Return how many requests matched since the previous call, and clear the requests."""
        count = len(self.lab.calls(pattern))
        self.lab.emulator.requests.clear()
        return count


class Meltano(Workspace):
    """The tutorial's Meltano project, with the plugins that are installed here."""

    run = "meltano run tap-hubspot-threads target-postgres"
    block_index = 0
    """The position of its block on a page: Meltano's block comes first."""

    def __init__(self, lab: Lab, database: Database, folder: Path) -> None:
        super().__init__(lab, database, folder)
        self.project = yaml.safe_load(blocks(page("get-started/tutorial"), "yaml")[0])
        for plugins in self.project["plugins"].values():
            for plugin in plugins:
                del plugin["pip_url"]
        self.project["plugins"]["extractors"][0]["select"].append("messages.*")
        self.write()

    def write(self) -> None:
        """Write `meltano.yml`."""
        (self.folder / "meltano.yml").write_text(yaml.safe_dump(self.project), encoding="utf-8")

    def state(self) -> dict[str, Any]:
        """Return the state's bookmarks."""
        state = json.loads(self.run_ok(f"meltano state get {STATE_ID}"))
        bookmarks: dict[str, Any] = state["singer_state"]["bookmarks"]
        return bookmarks


class CronScript(Workspace):
    """The folder of the script for cron."""

    run = "./run-sync"
    block_index = 1

    def __init__(self, lab: Lab, database: Database, folder: Path) -> None:
        super().__init__(lab, database, folder)
        script, *_ = blocks(page("deploy/cron"), "bash")
        (folder / "run-sync").write_text(script, encoding="utf-8")
        (folder / "run-sync").chmod(0o755)
        (folder / "config.json").write_text("{}")
        target = {"sqlalchemy_url": database.url, "default_target_schema": "hubspot"}
        (folder / "target.json").write_text(json.dumps(target))
        catalog = json.loads(self.run_ok("tap-hubspot-threads --config ENV --discover"))
        for entry in catalog["streams"]:
            if entry["tap_stream_id"] == "messages":
                for point in entry["metadata"]:
                    if point["breadcrumb"] == []:
                        point["metadata"]["selected"] = True
        (folder / "catalog.json").write_text(json.dumps(catalog))

    def state(self) -> dict[str, Any]:
        """Return the state's bookmarks."""
        state = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        bookmarks: dict[str, Any] = state["bookmarks"]
        return bookmarks


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Serve an account whose thread list has more than one page."""
    with open_lab(Account.sample(700)) as lab:
        yield lab


@pytest.fixture(params=[Meltano, CronScript])
def workspace(
    request: pytest.FixtureRequest, lab: Lab, database: Database, tmp_path: Path
) -> Meltano | CronScript:
    """Make a folder with Meltano, and one without."""
    workspace: Meltano | CronScript = request.param(lab, database, tmp_path / "support")
    return workspace


@pytest.fixture
def meltano(lab: Lab, database: Database, tmp_path: Path) -> Meltano:
    """Make a folder with Meltano."""
    return Meltano(lab, database, tmp_path / "support")


def test_reload_parts(workspace: Meltano | CronScript) -> None:
    """Reloading threads reads no messages, and reloading messages lists only new threads."""
    workspace.run_ok(workspace.run)
    count = """SELECT count(*) FROM hubspot.messages m JOIN hubspot.threads t
        ON t.id = m."conversationsThreadId" WHERE t."latestMessageTimestamp" IS NOT NULL"""
    messages = workspace.database.query(count)
    workspace.database.query(DAMAGE)
    workspace.calls(".")
    workspace.run_ok(consoles("operate/full-refresh", "Threads only")[workspace.block_index])
    workspace.check()
    assert not workspace.lab.calls("/messages")
    assert workspace.calls(FULL_LISTING) == 5

    workspace.database.query("DROP TABLE hubspot.messages")
    workspace.run_ok(consoles("operate/full-refresh", "Messages only")[workspace.block_index])
    assert len(workspace.lab.calls(FULL_LISTING)) == 1
    assert workspace.calls("/messages") > 600
    assert workspace.database.query(count) == messages
    workspace.run_ok(workspace.run)
    assert workspace.calls("/messages") == 0


def test_bookmarks_only(workspace: Meltano | CronScript) -> None:
    """After a lost state, a state with bookmarks spares the messages of most closed threads."""
    workspace.run_ok(workspace.run)
    workspace.database.query(DAMAGE)
    (by_hand,) = blocks(page("operate/full-refresh"), "json")
    bookmark = workspace.state()["threads"]["replication_key_value"]
    lost = json.loads(re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", bookmark, by_hand))
    path = workspace.folder / "state-new.json"
    if isinstance(workspace, Meltano):
        path.write_text(json.dumps({"singer_state": lost}))
        workspace.run_ok(f"meltano state set --force {STATE_ID} --input-file {path.name}")
    else:
        path.write_text(json.dumps(lost))
        workspace.run_ok("cp state-new.json state.json")
    workspace.calls(".")
    workspace.run_ok(workspace.run)
    workspace.check()
    assert workspace.calls("/messages") < 400


def test_interrupted_reload(workspace: Meltano | CronScript) -> None:
    """The next ordinary run resumes a full reload that was interrupted."""
    workspace.run_ok(workspace.run)
    workspace.database.query(DAMAGE)
    workspace.calls(".")
    later = {"Retry-After": "90000"}
    workspace.lab.script(path="sort=id.*archived=true", status=477, headers=later, times=100)
    refresh = consoles("operate/full-refresh", "Everything")[workspace.block_index]
    assert workspace.sh(refresh).returncode != 0
    assert workspace.calls(FULL_LISTING) == 4  # three pages of live threads, and the refused one
    workspace.lab.emulator.faults.clear()
    workspace.run_ok(workspace.run)
    assert workspace.calls(FULL_LISTING) == 1
    workspace.check()
    workspace.run_ok(workspace.run)
    assert workspace.calls(FULL_LISTING) == 1


def test_one_thread(workspace: Meltano | CronScript) -> None:
    """A thread is printed and loaded with its messages, and the pipeline's state stays the same."""
    workspace.run_ok(workspace.run)
    name = str(workspace.lab.threads[3].id)
    when, show = [
        consoles("troubleshooting/missing-threads")[number + workspace.block_index]
        for number in (0, 2)
    ]
    show = show.replace("9336126309", name)
    reload = page("configure/thread-ids").partition("\n## Reload a few threads\n")[2]
    load = blocks(reload, "console")[workspace.block_index].removeprefix("$ ")
    load = re.sub(r"\d{10}", name, load).replace(
        "--config ENV", "--config ENV --catalog catalog.json"
    )
    *_, messages, _ = blocks(
        page("troubleshooting/missing-threads").partition("\n## Closed in HubSpot")[0], "sql"
    )
    state = workspace.state()
    assert json.loads(workspace.run_ok(when)) == state["threads"]["replication_key_value"]
    (line,) = workspace.run_ok(show).splitlines()
    assert json.loads(line)["record"]["id"] == name
    for table in ("threads", "messages"):
        workspace.database.query(f"DELETE FROM hubspot.{table}")
    workspace.run_ok(load)
    assert list(workspace.database.rows("threads")) == [name]
    (found,) = workspace.database.query(messages.replace("9336126309", name))
    assert found["count"] == len(workspace.lab.account.messages(workspace.lab.threads[3]))
    owners = 'SELECT DISTINCT "conversationsThreadId" AS id FROM hubspot.messages'
    assert workspace.database.query(owners) == [{"id": name}]
    assert workspace.state() == state


def test_another_account(workspace: Meltano | CronScript) -> None:
    """Another account's token reads nothing. Without the state, it loads that account."""
    workspace.run_ok(workspace.run)
    state = workspace.state()
    mistake, purpose = "If you set the wrong token", "To move to another account on purpose"
    (test,) = consoles("operate/token-or-account", mistake)
    with open_lab(Account.sample(5, seed=3)) as other:
        other.account.portal_id = 77
        away = {"TAP_HUBSPOT_THREADS_API_URL": other.emulator.url}
        assert workspace.sh(workspace.run, **away).returncode != 0
        assert workspace.state() == state
        assert len(other.calls("/conversations/")) == 0
        result = workspace.sh(test.splitlines()[workspace.block_index], **away)
        assert "Connection OK: account 77" in result.stderr
        workspace.run_ok(consoles("operate/token-or-account", purpose)[workspace.block_index])
        away["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] = "other"
        workspace.run_ok(workspace.run, **away)
        assert workspace.state()["threads"]["account_id"] == 77


def test_rows_of_another_account(lab: Lab, database: Database, tmp_path: Path) -> None:
    """The SQL removes rows of the other account's inboxes. A reload restores overwritten rows."""
    streams = [
        "threads",
        "messages",
        "actors",
        "inboxes",
        "channels",
        "channel_accounts",
    ]
    find, remove = blocks(page("operate/token-or-account"), "sql")
    for thread in lab.threads:
        if thread.inbox_id == SALES:
            lab.account.move(thread, HELP_DESK)
    ours = {str(thread.inbox_id) for thread in lab.threads}
    remove = remove.replace("'481939', '481940'", ", ".join(f"'{name}'" for name in ours))
    pipe = database.pipe(lab, tmp_path, streams=streams)
    pipe.run()
    tables = {name: database.query(count_of(name)) for name in streams}
    (loaded,) = database.query('SELECT max("_sdc_extracted_at") AS last FROM hubspot.threads')
    begin = loaded["last"] + timedelta(microseconds=1)
    for account in (Account.sample(40, seed=3), Account.sample(700)):
        folder = tmp_path / str(len(account.threads))
        folder.mkdir()
        for thread in account.threads.values():
            account.move(thread, SALES)
        with open_lab(account) as other:
            database.pipe(other, folder, streams=streams).run()
        if len(account.threads) < len(lab.account.threads):
            found = database.query(find.replace("2026-11-25 03:00", str(begin)))
            assert {row["inboxId"] for row in found} == ours
    without_inbox = f"""UPDATE hubspot.threads SET "inboxId" = NULL WHERE id = '{lab.ids[0]}'"""
    database.query(without_inbox)
    foreign = f"""SELECT id FROM hubspot.threads WHERE coalesce("inboxId", '{SALES}') = '{SALES}'"""
    assert {row["id"] for row in database.query(foreign)} > set(lab.ids)
    database.psql(remove)
    assert database.query(foreign) == []
    assert database.query(count_of("actors")) == [{"count": 0}]
    pipe.state.unlink()
    pipe.run()
    assert {name: database.query(count_of(name)) for name in streams} == tables


def count_of(table: str) -> str:
    """Return SQL that counts a table's rows."""
    return f"SELECT count(*) FROM hubspot.{table}"


def test_rollback(workspace: Meltano | CronScript) -> None:
    """A copy of the state is saved before an upgrade and restored when going back."""
    workspace.run_ok(workspace.run)
    before = workspace.state()
    copies = [block for block in consoles("operate/upgrade", "Upgrade") if "state" in block]
    workspace.run_ok(copies[workspace.block_index])
    workspace.run_ok(workspace.run)
    assert workspace.state() != before
    workspace.run_ok(consoles("operate/upgrade", "Roll back")[workspace.block_index])
    assert workspace.state() == before


def test_alert_for_failed_runs(meltano: Meltano) -> None:
    """The script reports only failures that need a person, with the tap's exit code.

    The tap's exit code 75 needs no person, but a failed target in the same run does.
    """
    load, *_ = blocks(page("operate/monitoring"), "bash")
    assert meltano.script(load).stdout == ""
    done = meltano.script(load, TAP_HUBSPOT_THREADS_ACCESS_TOKEN="pat-na1-wrong")
    assert done.returncode == 78
    first, why = done.stdout.splitlines()
    assert first == "The run of tap-hubspot-threads failed with exit code 78:"
    assert "check the setting access_token" in why
    later = {"Retry-After": "90000"}
    meltano.lab.script(status=477, headers=later, times=100)
    done = meltano.script(load)
    meltano.lab.emulator.faults.clear()
    assert (done.returncode, done.stdout) == (75, "")
    done = meltano.script(
        load, TARGET_POSTGRES_SQLALCHEMY_URL="postgresql+psycopg://a@127.0.0.1:1/a"
    )
    assert done.returncode == 1
    first, *reasons = done.stdout.splitlines()
    assert first == "The run of tap-hubspot-threads failed with exit code 1:"
    assert len(reasons) == 3
    assert "connection failed" in reasons[0]
    after = meltano.folder / "after-load"
    after.write_text("#!/bin/sh\necho The SQL failed.\nexit 3\n")
    after.chmod(0o755)
    done = meltano.script(load)
    assert (done.returncode, done.stdout) == (3, "The SQL failed.\n")
    busy = meltano.folder / "bin"
    busy.mkdir()
    (busy / "meltano").write_text(
        "#!/bin/sh\necho \"Another 'a' pipeline is already running\"\nexit 1\n"
    )
    (busy / "meltano").chmod(0o755)
    done = meltano.script(load, PATH=f"{busy}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (0, "")
    codes = {"extractors": 75, "loaders": 1}
    both = {"event": "Block run completed", "level": "error", "exit_codes": codes}
    lost = {"event": "The database is gone.", "level": "info", "string_id": "target-postgres"}
    printed = "\n".join(json.dumps(line) for line in (lost, both))
    (busy / "meltano").write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\nexit 1\n")
    done = meltano.script(load, PATH=f"{busy}:{os.environ['PATH']}")
    assert done.returncode == 75
    assert done.stdout.splitlines()[0].endswith("failed with exit code 75:")
    assert done.stdout.splitlines()[-1] == "The database is gone."
    log = (meltano.folder / "sync.log").read_text(encoding="utf-8")
    assert '"exit_codes": {"extractors": 78}' in log
    assert '"exit_codes": {"loaders": 1}' in log
    (find, *_) = consoles("reference/log", "Structured logs")
    lines = [json.loads(line) for line in meltano.run_ok(find).splitlines()]
    assert len(lines) == 5
    shown = json.loads(blocks(page("reference/log"), "json")[0])
    assert shown.keys() <= lines[0].keys()


def test_alert_for_late_runs(workspace: Meltano | CronScript) -> None:
    """The script reports an old or missing bookmark, and otherwise prints nothing."""
    _, late, _ = blocks(page("operate/monitoring"), "bash")
    done = workspace.script(late)
    assert done.returncode == 1
    assert done.stdout.endswith("is an unknown number of minutes old\n")
    workspace.run_ok(workspace.run)
    done = workspace.script(late)
    assert (done.returncode, done.stdout) == (0, "")
    done = workspace.script(late, MAX_LAG_MINUTES="0")
    assert done.returncode == 1
    assert re.fullmatch(r"The bookmark of \S+ is [01] minutes old\n", done.stdout)


@pytest.mark.parametrize("listed", ["full_listing_completed_at", "listing_started_at"])
def test_alert_for_a_stuck_listing(
    lab: Lab, database: Database, tmp_path: Path, listed: str
) -> None:
    """The script reports an old full listing, or an old first one, while the bookmark moves."""
    workspace = CronScript(lab, database, tmp_path / "support")
    _, late, _ = blocks(page("operate/monitoring"), "bash")
    workspace.run_ok(workspace.run)
    path = workspace.folder / "state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    old = datetime.now(timezone.utc) - timedelta(days=4)
    state["bookmarks"]["threads"] |= {
        "full_listing_completed_at": None,
        listed: f"{old:%Y-%m-%dT%H:%M:%S.000Z}",
    }
    path.write_text(json.dumps(state), encoding="utf-8")
    done = workspace.script(late)
    assert done.returncode == 1
    assert done.stdout.startswith("The last full listing by tap-hubspot-threads ended 4 days ago")
    assert done.stdout.count("\n") == 1
    assert workspace.script(late, MAX_LISTING_DAYS="5").stdout == ""


def test_alerts_for_one_of_several_accounts(meltano: Meltano) -> None:
    """Both scripts take an account's plugin as an argument and name it in their output."""
    load, late, _ = blocks(page("operate/monitoring"), "bash")
    accounts = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[2])
    meltano.project["plugins"]["extractors"] += accounts["plugins"]["extractors"]
    meltano.write()
    north, south = (plugin["name"] for plugin in accounts["plugins"]["extractors"])
    assert f"load {north}" in page("operate/monitoring")
    done = meltano.script(load, south, TAP_HUBSPOT_THREADS__SOUTH_ACCESS_TOKEN="pat-na1-wrong")
    assert done.returncode == 78
    assert done.stdout.startswith(f"The run of {south} failed with exit code 78:\n")
    assert meltano.script(load, north).stdout == ""
    assert meltano.script(late, north).stdout == ""
    unknown = f"The bookmark of {south} is an unknown number of minutes old\n"
    assert meltano.script(late, south).stdout == unknown
    assert meltano.script(late).returncode == 1


def test_log_of_the_cron_script(lab: Lab, database: Database, tmp_path: Path) -> None:
    """With the logging variable, the cron script's log has fields and still names errors."""
    workspace = CronScript(lab, database, tmp_path / "support")
    (logging,) = blocks(page("reference/log"), "yaml")
    (workspace.folder / "logging.yml").write_text(logging, encoding="utf-8")
    *_, line = blocks(page("operate/monitoring"), "bash")
    export = line.strip().replace("/srv/support", str(workspace.folder))
    workspace.run_ok(f"{export} && ./run-sync")
    lines = (workspace.folder / "tap.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[-1])["extra"]["api_calls"] > 0
    done = workspace.sh(f"{export} && ./run-sync", TAP_HUBSPOT_THREADS_ACCESS_TOKEN="pat-na1-wrong")
    assert done.returncode == 78
    first, last = done.stdout.splitlines()
    assert first == "The tap ended with exit code 78:"
    assert "check the setting access_token" in json.loads(last)["message"]


def test_log_without_meltano(lab: Lab, database: Database, tmp_path: Path) -> None:
    """The logging file turns each line into JSON, with the summary's fields below `extra`."""
    workspace = CronScript(lab, database, tmp_path / "support")
    (logging,) = blocks(page("reference/log"), "yaml")
    (workspace.folder / "logging.yml").write_text(logging, encoding="utf-8")
    _, last = consoles("reference/log", "Structured logs")
    run, find = last.splitlines()
    workspace.run_ok(run)
    log = (workspace.folder / "tap.log").read_text(encoding="utf-8")
    assert all(json.loads(line)["message"] for line in log.splitlines())
    (line,) = workspace.run_ok(find).splitlines()
    shown = json.loads(blocks(page("reference/log"), "json")[0])
    own = {"event", "level", "timestamp", "string_id"}
    assert json.loads(line).keys() == shown.keys() - own


def test_one_run_for_each_account(meltano: Meltano) -> None:
    """If several accounts share one `meltano run`, a failure stops all that follow it."""
    accounts = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[2])
    plugins = meltano.project["plugins"]["extractors"]
    plugins += accounts["plugins"]["extractors"]
    settings = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[1])["config"]
    plugins[0]["config"] = {"stream_maps": settings["stream_maps"]}
    meltano.write()
    tokens = {
        "TAP_HUBSPOT_THREADS__NORTH_ACCESS_TOKEN": "pat-na1-wrong",
        "TAP_HUBSPOT_THREADS__SOUTH_ACCESS_TOKEN": TOKEN,
    }
    north, south = consoles("configure/several-accounts", "Meltano")[1].splitlines()
    together = f"{north} {south.removeprefix('meltano run ')}"
    assert meltano.sh(together, **tokens).returncode == 1
    assert meltano.calls("/conversations/") == 0
    assert meltano.sh(north, **tokens).returncode == 1
    meltano.run_ok(south, **tokens)
    rows = meltano.database.query("SELECT DISTINCT account FROM hubspot.threads")
    assert rows == [{"account": "62516"}]


def test_one_schema_for_each_account(meltano: Meltano) -> None:
    """Meltano loads each account into the schema that its plugin names."""
    added = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[0])["plugins"]
    project = meltano.project["plugins"]
    project["extractors"] += added["extractors"]
    project["loaders"][0] |= added["loaders"][0]
    meltano.write()
    north, south = consoles("configure/several-accounts", "Meltano")[1].splitlines()
    meltano.run_ok(north)
    meltano.run_ok(south)
    for plugin in added["extractors"]:
        count = f"SELECT count(*) FROM {plugin['load_schema']}.threads"
        assert meltano.database.query(count) == [{"count": 700}]


def test_state_of_a_new_plugin(meltano: Meltano) -> None:
    """A plugin for one of several accounts resumes from the copied state of the old plugin."""
    accounts = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[0])
    meltano.run_ok(meltano.run)
    meltano.project["plugins"]["extractors"] += accounts["plugins"]["extractors"]
    meltano.write()
    *_, copy = consoles("configure/several-accounts", "Meltano")
    north, _ = consoles("configure/several-accounts", "Meltano")[1].splitlines()
    meltano.calls(".")
    meltano.run_ok(f"{copy}\n{north}")
    assert meltano.calls(FULL_LISTING) == 1


def test_account_in_the_primary_key(lab: Lab, database: Database, tmp_path: Path) -> None:
    """A table that was loaded without the account gets it as part of its primary key."""
    _, migrate = blocks(page("configure/several-accounts"), "sql")
    maps = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[1])["config"]
    (tmp_path / "other").mkdir()
    pipe = database.pipe(lab, tmp_path, streams=["threads"])
    pipe.run()
    database.query(migrate)
    lab.account.message(lab.threads[3], sent=True)
    pipe.run(**maps)
    other = maps | {"stream_map_config": {"account": 62516}}
    database.pipe(lab, tmp_path / "other", streams=["threads"]).run(**other)
    count = "SELECT account, count(*) FROM hubspot.threads GROUP BY account ORDER BY account"
    rows = [tuple(row.values()) for row in database.query(count)]
    assert rows == [("62515", 700), ("62516", 700)]
    latest = f"""SELECT count(DISTINCT "latestMessageTimestamp") FROM hubspot.threads
        WHERE id = '{lab.threads[3].id}'"""
    assert database.query(latest) == [{"count": 1}]


def test_from_meltano_to_run_account(meltano: Meltano) -> None:
    """`run_account.py` resumes from Meltano's state, in one schema with the account in each row."""
    accounts = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[2])
    maps = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[1])["config"]
    plugins = meltano.project["plugins"]["extractors"]
    plugins += accounts["plugins"]["extractors"]
    plugins[0]["config"] = {"stream_maps": maps["stream_maps"]}
    meltano.write()
    north, _ = consoles("configure/several-accounts", "Meltano")[1].splitlines()
    meltano.run_ok(north)
    take_over, _ = blocks(page("configure/several-accounts"), "sql")
    (meltano.folder / "take-over.sql").write_text(take_over, encoding="utf-8")
    where = meltano.database.environment()
    path = f"{psql().parent}:{PROGRAMS}:{os.environ['PATH']}"
    command = "psql --no-psqlrc -v ON_ERROR_STOP=1 -f take-over.sql"
    meltano.run_ok(command, PATH=path, **where)
    meltano.lab.account.message(meltano.lab.threads[3], sent=True)
    meltano.calls(".")
    runner = ROOT / "examples" / "airflow" / "run_account.py"
    (run,) = consoles("configure/several-accounts", "One schema for all accounts")
    meltano.run_ok(run.replace("run_account.py", str(runner)))
    assert meltano.calls(FULL_LISTING) == 1
    rows = meltano.database.query(
        'SELECT account, count(*), max("latestMessageTimestamp") AS last'
        " FROM hubspot.threads GROUP BY account"
    )
    assert [(row["account"], row["count"]) for row in rows] == [("62515", 700)]
    written = meltano.lab.threads[3].sent_at
    assert written
    assert rows[0]["last"] == written.replace(tzinfo=None)


def test_late_table(database: Database) -> None:
    """The crontab line prints only if the newest row is late, in any time zone of the session."""
    text = page("operate/monitoring")
    (line,) = re.findall(r"^0 \* \* \* \* psql warehouse -Atc (\".*\")$", text, re.MULTILINE)
    database.query("CREATE SCHEMA hubspot")
    database.query("CREATE TABLE hubspot.threads (_sdc_extracted_at timestamp)")

    def printed(time_zone: str) -> str:
        command = f"{psql()} --no-psqlrc -Atc {line}"
        where = os.environ | database.environment() | {"PGTZ": time_zone}
        return subprocess.check_output(command, shell=True, env=where, encoding="utf-8")

    assert printed("UTC") == "hubspot.threads: newest row from \n"
    for hours, is_late in ((31, True), (29, False)):
        database.query(
            "INSERT INTO hubspot.threads"
            f" VALUES (now() AT TIME ZONE 'UTC' - INTERVAL '{hours} hours')"
        )
        for time_zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles"):
            assert bool(printed(time_zone)) is is_late


def test_late_accounts(database: Database, tmp_path: Path) -> None:
    """The query names the accounts with an old or missing bookmark, and a line the missing ones."""
    (late,) = blocks(page("operate/monitoring"), "sql")
    _, _, forget, *_ = blocks(page("operate/full-refresh"), "sql")
    database.query(
        "CREATE TABLE singer_states"
        " (account text PRIMARY KEY, state json NOT NULL, saved_at timestamptz NOT NULL)"
    )
    now = datetime.now(timezone.utc)
    ago = timedelta
    bookmarks = {
        "acme": {"replication_key_value": ago(hours=2)},
        "globex": {"replication_key_value": ago(0), "full_listing_completed_at": ago(days=2)},
        "hooli": {"replication_key_value": ago(0), "full_listing_completed_at": ago(days=4)},
        "initech": {},
    }
    for account, ages in bookmarks.items():
        times = {key: f"{now - age:%Y-%m-%dT%H:%M:%S.000Z}" for key, age in ages.items()}
        state = json.dumps({"bookmarks": {"threads": times}})
        escaped = state.replace(":", "\\:")
        database.query(f"INSERT INTO singer_states VALUES ('{account}', '{escaped}', now())")
    rows = {row["account"]: row for row in database.query(late.replace("::", "\\:\\:"))}
    assert rows.keys() == {"acme", "hooli", "initech"}
    assert rows["acme"]["behind"] >= timedelta(hours=2)
    assert rows["hooli"]["listed"] >= timedelta(days=4)
    (line,) = [one for one in blocks(page("operate/monitoring"), "text") if "accounts.json" in one]
    command = line.removeprefix("0 * * * * ").replace("/srv/airflow/dags", str(tmp_path))
    command = command.replace("psql warehouse", f"{psql()} --no-psqlrc")
    listed = [{"name": name} for name in ("acme", "umbrella", "hooli", "acm")]
    (tmp_path / "accounts.json").write_text(json.dumps(listed))
    where = os.environ | database.environment()
    printed = subprocess.check_output(["sh", "-c", command], env=where, encoding="utf-8")
    assert printed == "umbrella\nacm\n"
    database.query(forget)
    assert len(database.query("SELECT * FROM singer_states")) == 3


def test_states_of_run_account(database: Database, tmp_path: Path) -> None:
    """The SQL for `run_account.py` changes one key of a state, and restores a state from a file."""
    page_sql = blocks(page("operate/full-refresh"), "sql")
    threads_only, messages_only, _, day_before, _, restore = page_sql
    database.query(
        "CREATE TABLE singer_states"
        " (account text PRIMARY KEY, state json NOT NULL, saved_at timestamptz NOT NULL)"
    )
    with open_lab() as lab:
        output = lab.sync()
    state = output.of_type("STATE")[-1]["value"]
    state["bookmarks"]["messages"] = {"replication_key_value": "2026-11-24T09:00:00.000Z"}
    path = tmp_path / "state-new.json"
    path.write_text(json.dumps(state))

    def saved() -> dict[str, Any]:
        (row,) = database.query("SELECT state FROM singer_states WHERE account = 'acme'")
        found: dict[str, Any] = row["state"]
        return found

    for _ in range(2):
        database.psql(restore.replace("state-new.json", str(path)))
        assert saved() == state
    assert state["bookmarks"]["threads"]["full_listing_started_at"]
    database.query(threads_only)
    state["bookmarks"]["threads"]["full_listing_started_at"] = None
    assert saved() == state
    database.query(messages_only)
    del state["bookmarks"]["messages"]
    assert saved() == state
    database.query("CREATE SCHEMA hubspot")
    database.query("CREATE TABLE hubspot.threads (_sdc_extracted_at timestamp)")
    assert len(database.query(day_before)) == 1
