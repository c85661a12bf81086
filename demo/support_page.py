"""Writes the support metrics as one HTML page with charts. The page needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt
import vl_convert
from jinja2 import Environment, FileSystemLoader

from demo.environment import ROOT
from demo.support_metrics import (
    ALL,
    TIMES,
    TOO_FEW,
    Metrics,
    Row,
    duration,
    is_too_few,
    share,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

TEMPLATES = ROOT / "demo" / "templates"
ROW_HEIGHT = 30
MINUTE, HOUR, DAY = 60, 3600, 86_400
DURATION_TICKS = (
    *(1, 10, MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 3 * DAY, 7 * DAY, 30 * DAY, 100 * DAY, 365 * DAY),
)
DURATION_LABEL = (
    "datum.value < 60 ? datum.value + ' s' : datum.value < 3600 ? datum.value / 60 + ' min' :"
    " datum.value < 86400 ? datum.value / 3600 + ' h' : datum.value / 86400 + ' d'"
)


class Chart(NamedTuple):
    """A chart and its heading."""

    title: str
    spec: dict[str, Any]


def write(path: Path, metrics: Metrics, *, schema: str, now: datetime) -> None:
    """Write the page.

    Args:
        path: The file to write.
        metrics: What to show.
        schema: The loaded schema, for the subtitle.
        now: The current time, as naive UTC.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"duration": duration, "too_few": is_too_few}
    page = environment.get_template("support.html").render(
        schema=schema,
        now=now,
        metrics=metrics,
        share=share,
        fewest=TOO_FEW,
        total=next((row for row in metrics.inboxes if row["inbox"] == ALL), None),
        replies={row["metric"]: row for row in metrics.responses if row["inbox"] == ALL},
        times=_times(metrics),
        months=_months(metrics),
        bots=_bots(metrics),
        agents=_agents(metrics),
        libraries=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed"),
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _times(metrics: Metrics) -> list[Chart]:
    """Return a chart per duration: the median and the 90th percentile by inbox."""
    rows = [
        {
            "inbox": row["inbox"],
            "metric": row["metric"],
            "median": max(row["median"], 1),
            "p90": max(row["p90"], 1),
            "few": is_too_few(row),
            "Conversations": _count(row),
            "Median": duration(row["median"]),
            "90th percentile": duration(row["p90"]),
        }
        for row in metrics.responses
    ]
    ends = [row[name] for row in rows for name in ("median", "p90")]
    scale = _durations(ends or [1])
    order = [row["inbox"] for row in metrics.inboxes]
    charts = []
    for metric in TIMES:
        found = [row for row in rows if row["metric"] == metric]
        if found:
            charts.append(Chart(metric, _spans(found, scale, order)))
    return charts


def _spans(rows: list[Row], scale: Any, order: list[str]) -> dict[str, Any]:
    """Return a chart with a line per inbox from the median to the 90th percentile; log scale."""
    axis = alt.Axis(
        values=DURATION_TICKS,
        labelExpr=DURATION_LABEL,
        title=None,
        labelOverlap="greedy",
        labelSeparation=4,
    )
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("inbox:N", sort=order, title=None),
        opacity=_faded(),
        tooltip=[
            alt.Tooltip(f"{name}:N")
            for name in ("inbox", "Conversations", "Median", "90th percentile")
        ],
    )
    line = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("median:Q", scale=scale, axis=axis), x2="p90:Q"
    )
    ends = [
        base.mark_point(filled=True, size=90, shape=shape).encode(
            x=alt.X(f"{name}:Q", scale=scale, axis=axis)
        )
        for name, shape in (("median", "circle"), ("p90", "diamond"))
    ]
    return _spec(alt.layer(line, *ends), ROW_HEIGHT * len(rows))


def _months(metrics: Metrics) -> list[Chart]:
    """Return the charts by month: new conversations, and the time to the first reply."""
    charts = []
    if metrics.conversations_by_month:
        rows = [
            {**row, "month": f"{row['month']:%Y-%m-%d}", "Month": f"{row['month']:%B %Y}"}
            for row in metrics.conversations_by_month
        ]
        bars = (
            alt.Chart(_data(rows))
            .mark_bar()
            .encode(
                x=_month_axis(),
                y=alt.Y("conversations:Q", title=None, axis=_count_axis()),
                color=alt.Color("inbox:N", title=None),
                tooltip=["Month:N", "inbox:N", "conversations:Q"],
            )
        )
        charts.append(Chart("New conversations", _spec(bars, 220)))
    if metrics.responses_by_month:
        charts.append(Chart("First reply by a person", _replies_by_month(metrics)))
    return charts


def _replies_by_month(metrics: Metrics) -> dict[str, Any]:
    rows = [
        {
            "month": f"{row['month']:%Y-%m-%d}",
            "Month": f"{row['month']:%B %Y}",
            "percentile": percentile,
            "seconds": max(row[column], 1),
            "few": is_too_few(row),
            "Conversations": _count(row),
            "Time": duration(row[column]),
        }
        for row in metrics.responses_by_month
        for column, percentile in (("median", "Median"), ("p90", "90th percentile"))
    ]
    base = alt.Chart(_data(rows)).encode(
        x=_month_axis(),
        y=alt.Y(
            "seconds:Q",
            title=None,
            scale=_durations([row["seconds"] for row in rows]),
            axis=alt.Axis(values=DURATION_TICKS, labelExpr=DURATION_LABEL),
        ),
        color=alt.Color(
            "percentile:N",
            title=None,
            sort=["Median", "90th percentile"],
            legend=alt.Legend(symbolFillColor="transparent"),
        ),
        tooltip=["Month:N", "percentile:N", "Time:N", "Conversations:N"],
    )
    line = base.mark_line(strokeWidth=2)
    points = base.mark_point(size=50, strokeWidth=2, opacity=1).encode(
        fill=alt.Fill("percentile:N", sort=["Median", "90th percentile"], legend=None),
        fillOpacity=alt.condition("datum.few", alt.value(0), alt.value(1)),
    )
    return _spec(alt.layer(line, points), 220)


def _bots(metrics: Metrics) -> list[Chart]:
    """Return the chart of what happened to conversations that a bot or an AI agent answered."""
    outcomes = {"Deflected": "deflected", "Not deflected": "not_deflected"}
    answered = [
        row | {"undecided": row["bot_answered"] - row["deflected"] - row["not_deflected"]}
        for row in metrics.inboxes
        if row["bot_answered"]
    ]
    if any(row["undecided"] for row in answered):
        outcomes["Not decided yet"] = "undecided"
    rows = [
        {"inbox": row["inbox"], "outcome": outcome, "order": place, "conversations": row[column]}
        for row in answered
        for place, (outcome, column) in enumerate(outcomes.items())
    ]
    if not rows:
        return []
    bars = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=alt.X("conversations:Q", title=None, axis=_count_axis()),
            y=alt.Y("inbox:N", sort=[row["inbox"] for row in metrics.inboxes], title=None),
            color=alt.Color("outcome:N", title=None, sort=list(outcomes)),
            order=alt.Order("order:Q"),
            tooltip=["inbox:N", "outcome:N", "conversations:Q"],
        )
    )
    return [Chart("Outcome", _spec(bars, ROW_HEIGHT * len(answered)))]


def _agents(metrics: Metrics) -> list[Chart]:
    """Return the chart of messages and closed conversations per agent."""
    rows = [
        {"agent": row["agent"], "what": what, "count": int(row[column])}
        for row in metrics.agents
        for column, what in (("messages", "Messages sent"), ("closed", "Conversations closed"))
    ]
    if not rows:
        return []
    kinds = ["Messages sent", "Conversations closed"]
    bars = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=alt.X("count:Q", title=None, axis=_count_axis()),
            y=alt.Y("agent:N", sort=[row["agent"] for row in metrics.agents], title=None),
            yOffset=alt.YOffset("what:N", sort=kinds),
            color=alt.Color("what:N", title=None, sort=kinds),
            tooltip=["agent:N", "what:N", "count:Q"],
        )
    )
    return [
        Chart("Messages and closed conversations", _spec(bars, 1.4 * ROW_HEIGHT * len(rows) / 2))
    ]


def _data(rows: Iterable[Row]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _month_axis() -> alt.X:
    return alt.X(
        "utcyearmonth(month):T", title=None, axis=alt.Axis(format="%b %y", labelOverlap=True)
    )


def _durations(seconds: list[float]) -> alt.Scale:
    """Return a logarithmic scale with room for these durations."""
    return alt.Scale(type="log", domain=[min(seconds) / 1.5, max(seconds) * 1.5])


def _count_axis() -> alt.Axis:
    return alt.Axis(tickMinStep=1, tickCount=5, format="d")


def _faded() -> Any:
    """Return the opacity: lower for too few conversations."""
    return alt.condition("datum.few", alt.value(0.35), alt.value(1))


def _spec(chart: Any, height: float) -> dict[str, Any]:
    """Return the Vega-Lite specification of a chart that is as wide as the page allows."""
    wide = chart.properties(width="container", height=height)
    spec: dict[str, Any] = wide.properties(
        autosize={"type": "fit-x", "contains": "padding"}
    ).to_dict()
    return spec


def _count(row: Row) -> str:
    return f"{row['conversations']} (too few)" if is_too_few(row) else str(row["conversations"])
