"""The report of `make demo-metrics` shows the account's figures, as tables and as a page."""

from __future__ import annotations

import html
import io
import json
import re
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from demo import support_report
from demo.support_metrics import TIMES, Metrics, duration, is_too_few, read
from tests.dbt.figures import conversations, percentile, response_times
from tests.dbt.warehouse import ACCOUNT, ZONE, DuckDB, PostgreSQL

if TYPE_CHECKING:
    from pathlib import Path

    from demo.support_report import Destination
    from tests.dbt.conversation import Row
    from tests.dbt.warehouse import Warehouse

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.filterwarnings("ignore"),  # dbt's own
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python < 3.14"),
    pytest.mark.usefixtures("built"),
]

MODELS = "hubspot_analytics"
HOSTILE = """</script><script>alert(1)</script>'"&amp;<!--"""


@pytest.fixture(scope="session")
def rows(warehouse: Warehouse) -> list[Row]:
    """Return the account's conversations without spam, computed without the database."""
    figures = conversations(ACCOUNT, warehouse.names(ACCOUNT)).values()
    return [row for row in figures if not row["is_spam"]]


@pytest.fixture(scope="session")
def metrics(warehouse: Warehouse) -> Metrics:
    """Return the metrics that the report shows."""
    return read(warehouse.query, MODELS, ZONE)


def destination(warehouse: Warehouse, schema: str = "hubspot") -> Destination:
    """Return the database as the report opens it."""
    if isinstance(warehouse, PostgreSQL):
        return support_report.PostgreSQL(warehouse.url, schema)
    assert isinstance(warehouse, DuckDB)
    return support_report.DuckDB(warehouse.path, schema)


def in_inbox(rows: list[Row], inbox: str) -> list[Row]:
    """Return the conversations of an inbox, or all."""
    return [row for row in rows if inbox in {"All inboxes", row["inbox_name"]}]


def test_responses(metrics: Metrics, rows: list[Row]) -> None:
    """The median and the 90th percentile of each inbox are those of its conversations."""
    assert len(metrics.responses) > 3 * len(TIMES)
    for row in metrics.responses:
        found = [one[TIMES[row["metric"]]] for one in in_inbox(rows, row["inbox"])]
        known = [seconds for seconds in found if seconds is not None]
        assert row["conversations"] == len(known)
        assert row["median"] == pytest.approx(percentile(known, 0.5))
        assert row["p90"] == pytest.approx(percentile(known, 0.9))


def test_inboxes(metrics: Metrics, rows: list[Row]) -> None:
    """The counts of each inbox are those of its conversations."""
    for row in metrics.inboxes:
        found = in_inbox(rows, row["inbox"])
        answered = [one for one in found if one["first_bot_response_at"]]
        assert row == {
            "inbox": row["inbox"],
            "conversations": len(found),
            "open": sum(one["status"] == "OPEN" for one in found),
            "waiting": sum(one["awaiting_reply_from"] == "business" for one in found),
            "closed": sum(one["last_closed_at"] is not None for one in found),
            "reopened": sum(bool(one["last_closed_at"] and one["reopened_count"]) for one in found),
            "bot_answered": len(answered),
            "deflected": sum(one["is_deflected"] is True for one in answered),
            "not_deflected": sum(one["is_deflected"] is False for one in answered),
            "taken_over": sum(one["person_took_over_at"] is not None for one in found),
        }
    assert [row["inbox"] for row in metrics.inboxes][:2] == ["All inboxes", "Help desk"]


def test_months_and_waiting(warehouse: Warehouse, metrics: Metrics, rows: list[Row]) -> None:
    """The months are those of the model, and the customer who waits longest is first."""
    names = warehouse.names(ACCOUNT)
    months = [
        row
        for _, row in sorted(response_times(ACCOUNT, ZONE, names).items())
        if (row["inbox_id"], row["metric"]) == ("all", "first_person_response")
    ]
    shown = metrics.responses_by_month
    for column in ("month", "conversations"):
        assert [row[column] for row in shown] == [row[column] for row in months]
    for column, name in (("median", "median_seconds"), ("p90", "p90_seconds")):
        assert [row[column] for row in shown] == pytest.approx([row[name] for row in months])
    assert sum(row["conversations"] for row in metrics.conversations_by_month) == len(rows)
    waiting = [row for row in rows if row["awaiting_reply_from"] == "business"]
    oldest = sorted(waiting, key=lambda row: row["waiting_since"])[:10]
    assert [row["conversation_id"] for row in metrics.waiting] == [
        row["conversation_id"] for row in oldest
    ]


def test_agents(warehouse: Warehouse, metrics: Metrics) -> None:
    """The activity covers the last 30 days with replies."""
    days = warehouse.query(f"SELECT * FROM {MODELS}.agent_daily_activity")
    first = max(row["day"] for row in days) - timedelta(days=29)
    for row in metrics.agents:
        recent = [one for one in days if one["agent_name"] == row["agent"] and one["day"] >= first]
        assert row["days"] == len(recent)
        assert row["messages"] == sum(one["messages_sent"] for one in recent)
        assert row["closed"] == sum(one["conversations_closed"] for one in recent)
        assert row["conversations"] == sum(one["first_responses"] for one in recent)
    assert any(row["median"] for row in metrics.agents)


def test_output(
    warehouse: Warehouse, metrics: Metrics, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command prints every table, and writes a page with the same figures and charts."""
    printed, page = io.StringIO(), tmp_path / "support.html"
    monkeypatch.setattr(support_report, "console", Console(file=printed, width=100))
    monkeypatch.setattr(support_report, "_build", lambda *_: True)
    monkeypatch.setattr(support_report, "ROOT", tmp_path)
    monkeypatch.setattr(support_report, "PAGE", page)
    assert support_report.build_and_show(destination(warehouse), ZONE) == 0
    text, written = printed.getvalue(), page.read_text(encoding="utf-8")
    for table in support_report.tables(metrics, datetime.max):  # noqa: DTZ901 - naive, like the rows
        assert str(table.title) in text
    assert "No results" not in text
    assert "(too few)" in text
    assert "support.html" in text
    body = html.unescape(re.sub(r"<script.*?</script>", "", written, flags=re.DOTALL))
    for row in metrics.responses:
        assert f"<td>{row['metric']}</td>" in body
        assert duration(row["p90"]) in body
    assert len(specs(written)) == len(TIMES) + 4
    with pytest.raises(ValueError, match="Run `make run` first"):
        support_report.build_and_show(destination(warehouse, "nowhere"), ZONE)


def test_too_few_is_marked(metrics: Metrics, tmp_path: Path) -> None:
    """Fewer than five conversations are marked in the charts and tables; five are not."""
    (one, *_) = metrics.responses
    pairs = [one | {"conversations": count, "inbox": f"inbox {count}"} for count in (4, 5)]
    assert [is_too_few(row) for row in pairs] == [True, False]
    written = page_of(metrics._replace(responses=pairs), tmp_path)
    assert '<td>inbox 4</td><td>First reply</td><td class="number">4 (too few)</td>' in written
    assert '<td>inbox 5</td><td>First reply</td><td class="number">5</td>' in written
    values = [
        value
        for spec in specs(written)
        for value in values_of(spec)
        if value.get("inbox") in {"inbox 4", "inbox 5"}
    ]
    assert {value["inbox"]: value["few"] for value in values} == {
        "inbox 4": True,
        "inbox 5": False,
    }


def test_page_loads_nothing(metrics: Metrics, tmp_path: Path) -> None:
    """The page forbids requests, and names from HubSpot cannot add HTML or a script."""
    rows = [row | {"inbox": HOSTILE} for row in metrics.responses[:5]]
    agents = [row | {"agent": HOSTILE} for row in metrics.agents]
    written = page_of(metrics._replace(responses=rows, agents=agents), tmp_path)
    assert "default-src 'none'" in written
    body = re.sub(r"<script type=\"module\">.*?</script>", "", written, flags=re.DOTALL)
    assert not re.search(r"<script|<link|<img|<iframe|src=|href=|url\(", body)
    assert HOSTILE in {value["inbox"] for value in values_of(specs(written)[0])}


def test_page_without_messages(tmp_path: Path) -> None:
    """Without messages, the page says which stream is missing."""
    empty = Metrics([], [], [], [], [], [])
    assert "Is the stream <code>messages</code> loaded?" in page_of(empty, tmp_path)


def page_of(metrics: Metrics, folder: Path) -> str:
    """Return the page with these metrics."""
    from demo.support_page import write  # noqa: PLC0415 - its libraries are in the group dbt

    path = folder / "page.html"
    write(path, metrics, schema="hubspot", now=datetime(2026, 12, 1))  # noqa: DTZ001 - like the rows
    return path.read_text(encoding="utf-8")


def values_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the values that a chart shows."""
    (values,) = spec["datasets"].values()
    rows: list[dict[str, Any]] = values
    return rows


def specs(page: str) -> list[dict[str, Any]]:
    """Return the charts of a page."""
    found = re.findall(r'data-spec="([^"]*)"', page)
    return [json.loads(html.unescape(text)) for text in found]
