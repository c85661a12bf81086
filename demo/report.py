"""Shows the tables that `make run` has loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

TABLES = ("threads", "messages", "actors", "inboxes", "channels", "channel_accounts")
MAX_THREADS = 6
MAX_TEXT = 160
"""Maximum characters of a message text."""

CONVERSATION = """
    SELECT to_char(m."createdAt", 'Mon DD HH24:MI') AS at,
           coalesce(a.name, a.email, m."createdBy", '') AS who,
           m.type, m.direction, m.text, m."newStatus", b.name AS to_agent, i.name AS to_inbox,
           CASE jsonb_typeof(m.attachments) WHEN 'array' THEN jsonb_array_length(m.attachments)
           END AS files
    FROM "{schema}".messages m
    LEFT JOIN "{schema}".actors a ON a.id = m."createdBy"
    LEFT JOIN "{schema}".actors b ON b.id = m."assignedTo"
    LEFT JOIN "{schema}".inboxes i ON i.id = m."toInboxId"
    WHERE m."conversationsThreadId" = :thread ORDER BY m."createdAt", m.id
"""
EXAMPLE_THREAD = """
    SELECT m."conversationsThreadId" AS id, i.name AS inbox,
           t."threadAssociations" ->> 'associatedTicketId' AS ticket
    FROM "{schema}".messages m
    JOIN "{schema}".threads t ON t.id = m."conversationsThreadId"
    LEFT JOIN "{schema}".inboxes i ON i.id = t."inboxId"
    GROUP BY 1, 2, 3
    HAVING count(*) BETWEEN 5 AND 12 AND bool_and(coalesce(m."truncationStatus", '') != 'TRUNCATED')
    ORDER BY count(DISTINCT m.type) DESC, max(m."createdAt") DESC LIMIT 1
"""
"""Selects the thread to show: one with many types of messages that fits on a screen."""


def count_rows(connection: Connection, schema: str) -> dict[str, int]:
    """Return the row count of each existing table."""
    existing = inspect(connection).get_table_names(schema)
    return {
        name: int(connection.execute(text(f'SELECT count(*) FROM "{schema}".{name}')).scalar_one())
        for name in TABLES
        if name in existing
    }


def show(
    console: Console,
    connection: Connection,
    schema: str,
    *,
    before: dict[str, int],
    started: datetime,
) -> None:
    """Show the latest threads, a conversation and the number of rows per table.

    Args:
        console: Where to print.
        connection: A connection to the loaded database.
        schema: The loaded schema.
        before: The row counts before the load.
        started: When the load started.
    """
    after = count_rows(connection, schema)
    with_names = {"actors", "inboxes"} <= after.keys()
    console.print(_threads(connection, schema, with_names=with_names))
    if with_names and "messages" in after:
        console.print(*_conversation(connection, schema))
    counts = Table("table", "rows", "new", "updated")
    since = {"started": started.replace(tzinfo=None)}
    for name, count in after.items():
        query = f'SELECT count(*) FROM "{schema}".{name} WHERE _sdc_batched_at >= :started'
        written = connection.execute(text(query), since).scalar_one()
        new = count - before.get(name, 0)
        counts.add_row(name, str(count), str(new), str(written - new))
    console.print(counts)


def _threads(connection: Connection, schema: str, *, with_names: bool) -> Table:
    """Return a table of the latest threads, with names instead of IDs if names are loaded."""
    inbox, agent, joins = 't."inboxId"', 't."assignedTo"', ""
    if with_names:
        inbox, agent = f"coalesce(i.name, {inbox})", f"coalesce(a.name, {agent})"
        joins = f"""
            LEFT JOIN "{schema}".inboxes i ON i.id = t."inboxId"
            LEFT JOIN "{schema}".actors a ON a.id = t."assignedTo"
        """
    query = f"""
        SELECT t.id, t.status, {inbox}, coalesce({agent}, ''),
               coalesce("threadAssociations" ->> 'associatedTicketId', ''),
               coalesce(to_char("latestMessageTimestamp", 'Mon DD HH24:MI'), '')
        FROM "{schema}".threads t {joins}
        ORDER BY "latestMessageTimestamp" DESC NULLS LAST LIMIT {MAX_THREADS}
    """
    table = Table("thread", "status", "inbox", "assigned to", "ticket", "latest (UTC)")
    for row in connection.execute(text(query)):
        table.add_row(*row)
    return table


def _conversation(connection: Connection, schema: str) -> list[Table]:
    """Return a table of one conversation; an empty list if no thread is suitable."""
    thread = connection.execute(text(EXAMPLE_THREAD.format(schema=schema))).first()
    if thread is None:
        return []
    ticket = f", ticket {thread.ticket}" if thread.ticket else ""
    table = Table(
        "UTC",
        "actor",
        "message or event",
        title_style="bold",
        title=f"Thread {thread.id}, {thread.inbox}{ticket}",
    )
    rows = connection.execute(text(CONVERSATION.format(schema=schema)), {"thread": thread.id})
    for row in rows:
        style = {"OUTGOING": "green", "INCOMING": ""}.get(row.direction, "dim")
        table.add_row(row.at, escape(row.who), escape(_describe(row)), style=style)
    return [table]


def _describe(row: Any) -> str:
    """Return the text of a message, or a description of an event."""
    assigned = f"assigned the thread to {row.to_agent}"
    events = {
        "ASSIGNMENT": assigned if row.to_agent else "unassigned the thread",
        "THREAD_STATUS_CHANGE": f"changed the status to {row.newStatus}",
        "THREAD_INBOX_CHANGE": f"moved the thread to {row.to_inbox}",
    }
    if row.type in events:
        return events[row.type]
    words = " ".join((row.text or "").split())
    words = words if len(words) <= MAX_TEXT else f"{words[:MAX_TEXT]}…"
    label = "(internal) " if row.type == "COMMENT" else ""
    files = f" [{row.files} attachment(s)]" if row.files else ""
    return f"{label}{words}{files}"
