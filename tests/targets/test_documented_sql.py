"""The SQL of the documentation works on really loaded tables."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.data.account import Account
from emulator.data.actors import name_of
from emulator.server import TOKEN
from tests.conftest import open_lab
from tests.targets.columns import COLUMNS
from tests.targets.expected import expected_threads, stored
from tests.targets.pipe import PROGRAMS
from tests.targets.postgres import psql
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.data.message import Message
    from tests.conftest import Lab
    from tests.targets.postgres import Database

pytestmark = pytest.mark.loads


def _ago(*, minutes: int) -> datetime:
    return datetime.now(timezone.utc) - timedelta(minutes=minutes)


def test_deleted_threads(database: Database, tmp_path: Path) -> None:
    """The documented SQL removes rows of deleted threads, and finds threads that may be deleted."""
    remove, remove_messages, _, without, find, *_ = blocks(page("operate/deleted-threads"), "sql")
    with open_lab(Account.sample(60)) as lab:
        streams = ["threads", "deleted_threads", "messages"]
        pipe = database.pipe(lab, tmp_path, streams=streams)
        lab.account.clock = partial(_ago, minutes=25 * 60)
        pipe.run()
        database.query(
            """UPDATE hubspot.threads
            SET "_sdc_extracted_at" = "_sdc_extracted_at" - INTERVAL '25 hours'"""
        )
        gone_open = next(t for t in lab.threads if not t.closed_at)
        gone_closed = next(t for t in lab.threads if t.closed_at)
        lab.account.delete(gone_open)
        lab.account.delete(gone_closed)
        for minutes in (11, 0):
            lab.account.clock = partial(_ago, minutes=minutes)
            pipe.run()
    state = json.loads(pipe.state.read_text())
    since = state["bookmarks"]["threads"]["full_listing_started_at"]
    messages_of = """SELECT id FROM hubspot.messages WHERE "conversationsThreadId" = """
    assert database.query(f"{messages_of}'{gone_open.id}'")
    kept = {row["id"] for row in database.query(without)}
    assert kept == {*lab.ids, str(gone_closed.id)}
    database.query(remove)
    database.query(remove_messages)
    assert not database.query(f"{messages_of}'{gone_open.id}'")
    assert database.query(f"{messages_of}'{gone_closed.id}'")
    left = [row["id"] for row in database.query("SELECT id FROM hubspot.threads")]
    assert sorted(left) == sorted([*lab.ids, str(gone_closed.id)])
    found = database.query(filled(find, since=since))
    assert found == [{"id": str(gone_closed.id)}]


def filled(sql: str, **values: str) -> str:
    """Replace psql's variables by values. It does not escape, which is fine for IDs."""
    for name, value in values.items():
        sql = sql.replace(f":'{name}'", f"'{value}'")
    return sql


def test_messages(database: Database, tmp_path: Path) -> None:
    """The documented SQL about messages returns the account's values."""
    query = database.query
    lists = blocks(page("destinations/postgresql"), "sql")
    conversation, first_reply = blocks(page("configure/messages"), "sql")
    with open_lab(Account.sample(300)) as lab:
        streams = ["threads", "messages", "actors", "inboxes"]
        database.pipe(lab, tmp_path, streams=streams).run()
    recipients, files, tickets, failures = (query(sql) for sql in lists)
    assert any(row["field"] == "TO" and row["address"] for row in recipients)
    assert {row["type"] for row in files} == {"FILE"}
    assert len(tickets) == 300
    assert any(row["ticket"] for row in tickets)
    assert any(row["why"] for row in failures)
    answered = {
        str(thread.id)
        for thread in lab.threads
        for message in lab.account.messages(thread)
        if message.more.get("direction") == "OUTGOING" and message.created_by[:2] == "A-"
    }
    replies = {row["id"]: row["first_reply_after"] for row in query(first_reply)}
    assert len(replies) > 250
    assert {name for name, after in replies.items() if after is not None} == answered
    assert any(after and after > timedelta(0) for after in replies.values())
    for thread in lab.threads[:60]:
        found = query(filled(conversation, thread_id=str(thread.id)))
        assert len(found) == len(lab.account.messages(thread))
        assert all(row["who"] for row in found)
        texts = {one.more["text"] for one in lab.account.messages(thread) if one.more.get("text")}
        assert {stored(text) for text in texts} <= {row["what"] for row in found}


def test_data_model(database: Database, tmp_path: Path) -> None:
    """The example questions on the data model are answered with the account's values."""
    sql = blocks(page("reference/data-model"), "sql")
    with open_lab(Account.sample(300)) as lab:
        database.pipe(lab, tmp_path, streams=list(COLUMNS)).run()
    backlog, tickets, waiting, periods, undelivered, senders, contacts, moves, channels, *rest = [
        database.query(text) for text in sql
    ]
    accounts, existing = rest
    threads = lab.threads
    messages = [message for thread in threads for message in lab.account.messages(thread)]
    events = Counter(message.type for message in messages)
    no_spam = [row for row in expected_threads(lab.account).values() if not row["spam"]]
    is_open = [row for row in no_spam if row["status"] == "OPEN" and not row["archived"]]
    assert sum(row["open"] for row in backlog) == len(is_open)
    assert sum(row["unassigned"] for row in backlog) == sum(
        not row["assignedTo"] for row in is_open
    )
    assert sum(row["threads"] for row in tickets) == sum(bool(one.ticket_id) for one in threads)
    latest = {one.thread_id: one for one in messages if one.type == "MESSAGE"}
    assert {row["thread_id"] for row in waiting} == {
        str(one.id)
        for one in threads
        if not (one.closed_at or one.archived)
        and one.id in latest
        and latest[one.id].more["direction"] == "INCOMING"
    }
    assert len(periods) == events["THREAD_STATUS_CHANGE"]
    assert any(row["until_time"] for row in periods)
    assert any(row["reason"] for row in undelivered)
    assert {"AGENT", "BOT"} <= {row["type"] for row in senders}
    assert len(contacts) == len(threads)
    assert any(row["name"] for row in contacts)
    assert len(moves) == events["THREAD_INBOX_CHANGE"] > 0
    assert all(row["from_inbox"] and row["to_inbox"] for row in moves)
    assert sum(row["threads"] for row in channels) == len(no_spam)
    assert sum(row["threads"] for row in accounts) > 250
    assert len(existing) == len(threads)


def test_attachments(database: Database, tmp_path: Path) -> None:
    """The documented SQL lists the attached files and counts the threads that have some."""
    files, by_inbox = blocks(page("configure/attachments"), "sql")
    with open_lab(Account.sample(300)) as lab:
        database.pipe(lab, tmp_path, streams=["threads", "messages", "inboxes"]).run()
    found = database.query(files)
    attached = [
        item
        for thread in lab.threads
        for message in lab.account.messages(thread)
        for item in message.more.get("attachments") or ()
        if item["type"] == "FILE"
    ]
    assert len(found) == len(attached) > 0
    assert any(row["url"] for row in found)
    counts = database.query(by_inbox)
    assert sum(row["threads"] for row in counts) == len(lab.threads)
    assert sum(row["with_files"] for row in counts) == len({row["thread_id"] for row in found})


def test_threads_missing_from_the_table(database: Database, tmp_path: Path) -> None:
    """The documented SQL names the threads that are listed but missing in the table."""
    missing, _ = blocks(page("configure/thread-ids"), "sql")
    with open_lab(Account.sample(60)) as lab:
        database.pipe(lab, tmp_path, streams=["threads", "thread_index"]).run()
    assert database.query(missing) == []
    lost = lab.ids[7]
    database.query(f"DELETE FROM hubspot.threads WHERE id = '{lost}'")
    assert [row["id"] for row in database.query(missing)] == [lost]


class SupportFolder:
    """The tutorial's folder, with the programs linked and more streams selected."""

    def __init__(self, folder: Path, database: Database, lab: Lab, **changes: Any) -> None:
        self.folder, self._database, self._lab = folder, database, lab
        folder.mkdir()
        project = yaml.safe_load(blocks(page("get-started/tutorial"), "yaml")[0])
        for kind in project["plugins"].values():
            del kind[0]["pip_url"]
        project["plugins"]["extractors"][0].update(changes)
        self.project = project
        (folder / ".venv").symlink_to(PROGRAMS.parent)

    def run(self, *command: str | Path) -> str:
        """Run a command in the folder, and return its output."""
        (self.folder / "meltano.yml").write_text(yaml.safe_dump(self.project), encoding="utf-8")
        clean = {name: text for name, text in os.environ.items() if not name.startswith("MELTANO_")}
        settings = {
            "PATH": f"{psql().parent}:{PROGRAMS}:{os.environ['PATH']}",
            "TAP_HUBSPOT_THREADS_API_URL": self._lab.emulator.url,
            "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": TOKEN,
            "TARGET_POSTGRES_SQLALCHEMY_URL": self._database.url,
            "PYTHONWARNINGS": "ignore",
        }
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=clean | self._database.environment() | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def load(self) -> None:
        """Load as the schedule does."""
        self.run(PROGRAMS / "meltano", "run", "tap-hubspot-threads", "target-postgres")

    def state(self) -> str:
        """Return the schedule's state."""
        name = "prod:tap-hubspot-threads-to-target-postgres"
        return self.run(PROGRAMS / "meltano", "state", "get", name)


def test_script_for_closed_threads(database: Database, tmp_path: Path) -> None:
    """The script removes deleted closed threads and keeps those that HubSpot still has.

    Open threads that were reported as deleted are removed after each load.
    """
    sql = blocks(page("operate/deleted-threads"), "sql")
    each_load, (_, _, find, remove) = sql[:2], sql[2:6]
    (clean,) = blocks(page("deploy/cron"), "sh")
    (script,) = blocks(page("operate/deleted-threads"), "bash")
    (plugin,) = blocks(page("operate/deleted-threads"), "yaml")
    name = database.environment()["PGDATABASE"]
    with open_lab(Account.sample(60)) as lab:
        select = ["threads.*", "deleted_threads.*", "messages.*"]
        support = SupportFolder(tmp_path / "support", database, lab, select=select)
        support.project["plugins"]["extractors"] += yaml.safe_load(plugin)["plugins"]["extractors"]
        folder = support.folder
        (folder / "candidates.sql").write_text(find)
        (folder / "delete_gone.sql").write_text(remove)
        words = {"/srv/support": str(folder), " warehouse": f" {name}"}
        for word, here in words.items():
            script = script.replace(word, here)
        (folder / "weekly").write_text(script)
        (folder / "deleted.sql").write_text("".join(each_load))
        (folder / "after-load").write_text(clean.replace(" warehouse", f" {name}"))
        closed = [thread for thread in lab.threads if thread.closed_at]
        gone, there = closed[0], closed[1]
        support.load()
        deleted = next(thread for thread in lab.threads if not thread.closed_at)
        database.query(
            f"""INSERT INTO hubspot.deleted_threads (id, "_sdc_extracted_at")
            VALUES ('{deleted.id}', now() AT TIME ZONE 'UTC')"""
        )
        lab.account.delete(deleted)
        support.load()
        support.run("sh", "after-load")
        lab.account.delete(gone)
        for thread in (gone, there):
            database.query(
                f"""UPDATE hubspot.threads SET status = 'OLD',
                "_sdc_extracted_at" = "_sdc_extracted_at" - INTERVAL '25 hours'
                WHERE id = '{thread.id}'"""
            )
        state = support.state()
        support.run("bash", "weekly")
        assert support.state() == state
    candidates = (folder / "candidates.csv").read_text().split()
    assert sorted(candidates) == sorted(["id", str(gone.id), str(there.id)])
    left = {row["id"]: row["status"] for row in database.query("SELECT * FROM hubspot.threads")}
    assert sorted(left) == sorted(lab.ids)
    assert left[str(there.id)] == "CLOSED"
    messages_of = f"""SELECT id FROM hubspot.messages WHERE "conversationsThreadId" = '{gone.id}'"""
    assert database.query(messages_of) == []


def test_one_off_runs_beside_a_schedule(database: Database, tmp_path: Path) -> None:
    """One-off runs beside a schedule read what the page says and keep the schedule's state."""
    shown = [
        block for block in blocks(page("configure/thread-ids"), "console") if "meltano run" in block
    ]
    once, index = (block.replace("$ ", "") for block in shown)
    with open_lab(Account.sample(60)) as lab:
        support = SupportFolder(tmp_path / "support", database, lab)
        support.load()
        state = support.state()
        (named,) = [thread for thread in lab.threads if str(thread.id) in once]
        named.spam = not named.spam
        for script in (once, once.replace("--state-id-suffix=once ", "")):
            lab.emulator.requests.clear()
            support.run("bash", "-c", script)
            (asked,) = lab.calls("/threads")
            assert f"/threads/{named.id}" in asked
            assert support.state() == state
        row = database.query(f"SELECT spam FROM hubspot.threads WHERE id = '{named.id}'")
        assert row == [{"spam": named.spam}]
        support.run("bash", "-c", index)
        assert support.state() == state
    assert len(database.query("SELECT id FROM hubspot.thread_index")) == 60


def test_metrics_without_private_data(database: Database, tmp_path: Path) -> None:
    """The page's selection loads no message text and only agents' names. Its SQL still works."""
    text = page("privacy/exclude-message-text")
    figures, _ = blocks(text, "sql")
    account = Account.sample(300)
    with open_lab(account) as lab:
        for number in range(20):
            account.clock = partial(_ago, minutes=60)
            started_by_us = account.create()
            for minutes, sent in ((50, True), (40, False), (number, True)):
                account.clock = partial(_ago, minutes=minutes)
                account.message(started_by_us, sent=sent)
        account.message(account.create(), sent=True)
        account.clock = partial(_ago, minutes=0)
        given = yaml.safe_load(blocks(text, "yaml")[-2])
        SupportFolder(tmp_path / "support", database, lab, **given).load()
    tables = ("threads", "messages", "actors")
    sql = " UNION ALL ".join(f"SELECT to_jsonb(t)::text AS row FROM hubspot.{t} t" for t in tables)
    loaded = "\n".join(row["row"] for row in database.query(sql))
    assert len(loaded) > 300_000
    messages = [message for thread in lab.threads for message in account.messages(thread)]
    people = {one.created_by for one in messages if one.created_by[0] in "VE"}
    texts = [one.more.get(name) for one in messages for name in ("text", "subject")]
    private = {text for text in texts if text is not None}
    private |= people | {name_of(name) or "" for name in people}
    private = {word for word in private if len(word) > 5} | {"@"}
    assert len(private) > 300
    assert [word for word in private if json.dumps(word, ensure_ascii=False)[1:-1] in loaded] == []

    asked: dict[int, datetime] = {}
    first: dict[int, Message] = {}
    for message in sorted(messages, key=lambda one: one.created_at):
        direction, thread, now = (
            message.more.get("direction"),
            message.thread_id,
            message.created_at,
        )
        if direction == "INCOMING":
            asked.setdefault(thread, now)
        is_agents = direction == "OUTGOING" and message.created_by[:2] == "A-"
        if is_agents and asked.get(thread, now) < now:
            first.setdefault(thread, message)
    after: dict[str, list[timedelta]] = {}
    for thread, message in first.items():
        waited = message.created_at - asked[thread]
        after.setdefault(str(name_of(message.created_by)), []).append(waited)
    assert started_by_us.id in first
    found = {row["name"]: row for row in database.query(figures)}
    assert {name: row["conversations"] for name, row in found.items()} == {
        name: len(each) for name, each in after.items()
    }
    for name, each in after.items():
        expected = timedelta(seconds=median(one.total_seconds() for one in each))
        assert abs(found[name]["median_reply_time"] - expected) < timedelta(seconds=1)
    assert '"!actors.name"' in text
    nameless = database.query(figures.replace("a.name", "a.id"))
    conversations = sorted(row["conversations"] for row in found.values())
    assert sorted(row["conversations"] for row in nameless) == conversations


def test_views_for_analysts(database: Database, tmp_path: Path) -> None:
    """The documented views hide text, addresses and names of customers, and answer the query."""
    figures, views = blocks(page("privacy/exclude-message-text"), "sql")
    with open_lab(Account.sample(60)) as lab:
        database.pipe(lab, tmp_path, streams=["threads", "messages", "actors"]).run()
    database.query("CREATE ROLE analyst")
    database.query(views)
    expected = database.psql(f"SET timezone TO 'UTC'; {figures}")
    as_analyst = f"SET ROLE analyst; {figures.replace('hubspot.', 'hubspot_shared.')}"
    assert database.psql(as_analyst).partition("\n")[2] == expected.partition("\n")[2]
    tables = ("threads", "messages", "actors")
    sql = " UNION ALL ".join(
        f"SELECT row_to_json(t)::text FROM hubspot_shared.{t} t" for t in tables
    )
    shown = database.psql(f"SET ROLE analyst; {sql}")
    texts = {
        str(message.more["text"])
        for thread in lab.threads
        for message in lab.account.messages(thread)
        if len(str(message.more.get("text") or "")) > 10
    }
    assert len(texts) > 40
    assert [text for text in texts | {"@", "V-"} if text in shown] == []
    everything = database.psql(sql.replace("hubspot_shared", "hubspot"))
    assert len([text for text in texts | {"@", "V-"} if text in everything]) > 30
    read_messages = "SET ROLE analyst; SELECT 1 FROM hubspot.messages"
    with pytest.raises(AssertionError, match="permission denied"):
        database.psql(read_messages)
    text = page("privacy/exclude-message-text")
    (revoke,) = re.findall("`(REVOKE ALL ON ALL TABLES [^`]+)`", text)
    database.query("GRANT USAGE ON SCHEMA hubspot TO analyst")
    database.query("GRANT SELECT ON ALL TABLES IN SCHEMA hubspot TO analyst")
    database.psql(read_messages)
    database.query(revoke)
    with pytest.raises(AssertionError, match="permission denied for table"):
        database.psql(read_messages)
