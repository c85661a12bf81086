"""Support metrics, read from the models of dbt/. The SQL is the same on PostgreSQL and DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
TOO_FEW = 5
"""Fewer conversations than this are too few for a median, as in the model `response_times`."""
ALL = "All inboxes"
TIMES = {
    "First reply": "first_response_seconds",
    "First reply by a person": "first_person_response_seconds",
    "Agent first response": "agent_first_response_seconds",
    "First close": "seconds_to_first_close",
    "Last close": "seconds_to_last_close",
}
"""The columns of `conversations` whose percentiles are shown."""

CONVERSATIONS = f"""
conversations AS (
    SELECT *, coalesce(inbox_name, inbox_id, 'unknown') AS inbox
    FROM {{schema}}.conversations WHERE NOT coalesce(is_spam, false)
),
by_inbox AS (
    SELECT * FROM conversations
    UNION ALL
    SELECT *, '{ALL}' AS inbox
    FROM {{schema}}.conversations WHERE NOT coalesce(is_spam, false)
)
"""
PERCENTILES = """
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90
"""
INBOXES = f"""
WITH {CONVERSATIONS}
SELECT inbox, count(*) AS conversations,
       count(*) FILTER (WHERE status = 'OPEN') AS open,
       count(*) FILTER (WHERE awaiting_reply_from = 'business') AS waiting,
       count(last_closed_at) AS closed,
       count(*) FILTER (WHERE last_closed_at IS NOT NULL AND reopened_count > 0) AS reopened,
       count(first_bot_response_at) AS bot_answered,
       count(*) FILTER (WHERE first_bot_response_at IS NOT NULL AND is_deflected) AS deflected,
       count(*) FILTER (WHERE first_bot_response_at IS NOT NULL AND NOT is_deflected)
           AS not_deflected,
       count(person_took_over_at) AS taken_over
FROM by_inbox GROUP BY inbox ORDER BY count(*) DESC, inbox <> '{ALL}', inbox
"""
RESPONSES = f"""
WITH {CONVERSATIONS},
figures AS (
    {
    " UNION ALL ".join(
        f"SELECT inbox, {place} AS place, '{metric}' AS metric, {column} AS seconds FROM by_inbox"
        for place, (metric, column) in enumerate(TIMES.items())
    )
}
)
SELECT inbox, metric, count(*) AS conversations, {PERCENTILES}
FROM figures WHERE seconds IS NOT NULL GROUP BY inbox, place, metric ORDER BY inbox, place
"""
RESPONSES_BY_MONTH = """
SELECT month, conversations, median_seconds AS median, p90_seconds AS p90
FROM {schema}.response_times
WHERE inbox_id = 'all' AND metric = 'first_person_response' ORDER BY month
"""
CONVERSATIONS_BY_MONTH = f"""
WITH {CONVERSATIONS}
SELECT cast(date_trunc('month', created_at AT TIME ZONE 'UTC' AT TIME ZONE '{{zone}}') AS date)
           AS month,
       inbox, count(*) AS conversations
FROM conversations WHERE created_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
WAITING = """
SELECT conversation_id, coalesce(inbox_name, inbox_id) AS inbox,
       coalesce(assigned_to_name, assigned_to, 'unassigned') AS assigned_to, ticket_id,
       waiting_since
FROM {schema}.conversations WHERE awaiting_reply_from = 'business'
ORDER BY waiting_since LIMIT 10
"""
AGENTS = f"""
WITH {CONVERSATIONS},
recent AS (
    SELECT * FROM {{schema}}.agent_daily_activity
    WHERE day > (SELECT max(day) FROM {{schema}}.agent_daily_activity) - 30
),
activity AS (
    SELECT agent_id, coalesce(agent_name, agent_id) AS agent, count(*) AS days,
           sum(messages_sent) AS messages, sum(conversations_closed) AS closed
    FROM recent GROUP BY agent_id, coalesce(agent_name, agent_id)
),
replies AS (
    SELECT first_person_response_by AS agent_id, first_person_response_seconds AS seconds
    FROM conversations
    WHERE first_person_response_at AT TIME ZONE 'UTC' AT TIME ZONE '{{zone}}'
        >= (SELECT min(day) FROM recent)
),
measured AS (
    SELECT agent_id, count(*) AS conversations, {PERCENTILES} FROM replies GROUP BY agent_id
)
SELECT agent, days, messages, closed, coalesce(conversations, 0) AS conversations, median, p90
FROM activity LEFT JOIN measured ON measured.agent_id = activity.agent_id
ORDER BY messages DESC, agent
"""


class Metrics(NamedTuple):
    """The rows of each query. Durations are in seconds, and times are naive UTC."""

    inboxes: list[Row]
    responses: list[Row]
    responses_by_month: list[Row]
    conversations_by_month: list[Row]
    waiting: list[Row]
    agents: list[Row]


def read(query: Callable[[str], list[Row]], schema: str, zone: str) -> Metrics:
    """Read all metrics.

    Args:
        query: Runs a query and returns its rows.
        schema: The schema of the models.
        zone: The time zone in which days and months begin.
    """
    names = {"schema": f'"{schema}"', "zone": zone.replace("'", "''")}
    queries = (
        *(INBOXES, RESPONSES, RESPONSES_BY_MONTH, CONVERSATIONS_BY_MONTH),
        *(WAITING, AGENTS),
    )
    return Metrics(*(query(sql.format(**names)) for sql in queries))


def is_too_few(row: Row) -> bool:
    """Whether a row has too few conversations for meaningful percentiles."""
    return bool(row["conversations"] < TOO_FEW)


def duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2])


def share(part: int, whole: int) -> str:
    """Format a share. Include the percentage only if the whole is large enough."""
    if whole < TOO_FEW:
        return f"{part} of {whole} (too few)" if whole else "–"
    return f"{part} of {whole} ({part / whole:.0%})"
