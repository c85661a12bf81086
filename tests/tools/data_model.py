"""The generated parts of the page on the data model: diagram, joins and sample rows.

The joins come from the descriptions of the schemas, which name the column that a key refers to,
such as (`inboxes.id`). The sample rows are those of a sync of the sample account of `make run`.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from functools import cache
from typing import Any, ClassVar, NamedTuple

from emulator.data.account import Account
from emulator.limits import RollingLimit
from emulator.memory_transport import MemoryTransport
from emulator.service import TOKEN, Service
from tap_hubspot_threads.app import Runtime
from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tap_hubspot_threads.tap import TapHubSpotThreads

SAMPLE_THREADS = 60
"""Threads of the sample account that `make run` loads."""
MORE_JOINS = {
    "thread_index.id": "threads.id",
    "deleted_threads.id": "threads.id",
    "messages.assignedTo": "actors.id",
    "messages.assignedFrom": "actors.id",
}
"""Joins that no description names."""
SAMPLE_COLUMNS = {
    "threads": ("id", "status", "inboxId", "assignedTo", "latestMessageTimestamp"),
    "messages": ("id", "conversationsThreadId", "type", "createdBy"),
    "actors": ("id", "type", "name"),
    "inboxes": ("id", "name", "type"),
    "channels": ("id", "name"),
    "channel_accounts": ("id", "channelId", "inboxId", "name"),
    "deleted_threads": ("id", "detectedAt"),
    "thread_index": ("id", "inboxId", "createdAt", "archived"),
}
SAMPLE_ROWS = 3
MAX_CELL = 24
"""Characters of a sample value; longer ones are cut. A time has 24."""

LEFT = ("thread_index", "threads", "messages", "deleted_threads")
RIGHT = ("actors", "inboxes", "channel_accounts", "channels")
"""The tables in the diagram's two columns, from top to bottom."""
LEFT_X, LEFT_WIDTH, RIGHT_X, RIGHT_WIDTH = 24, 204, 304, 152
ROW, HEAD, GAP, RIGHT_GAP = 22, 28, 22, 60
WIDTH = 480
SVG = (
    'role="img" aria-labelledby="model-title model-desc" font-family="inherit" font-size="15" '
    'fill="currentColor" xmlns="http://www.w3.org/2000/svg"'
)
BOX = 'fill="currentColor" fill-opacity="0.06" stroke="currentColor" stroke-opacity="0.5"'
LINE = 'fill="none" stroke="currentColor" stroke-opacity="0.45"'


class Join(NamedTuple):
    """A column that refers to the key of another table."""

    table: str
    column: str
    target: str


def joins() -> list[Join]:
    """Return the joins between the tables, in the order of the diagram."""
    found = []
    for table in (*LEFT, *RIGHT):
        for column, definition in SCHEMAS.get_schema(table)["properties"].items():
            named = re.search(r"\(`(\w+)\.id`\)", definition["description"])
            target = MORE_JOINS.get(f"{table}.{column}", "").partition(".")[0]
            if named or target:
                found.append(Join(table, column, named[1] if named else target))
    return found


def joins_table() -> str:
    """Return the joins as a Markdown table, by the key that they refer to."""
    rows = ["| Primary key | Columns that refer to it |", "|---|---|"]
    for target in dict.fromkeys(join.target for join in joins()):
        columns = [f"`{join.table}.{join.column}`" for join in joins() if join.target == target]
        rows.append(f"| `{target}.id` | {', '.join(columns)} |")
    return "\n".join(rows)


def sample_table(stream: str) -> str:
    """Return sample rows of a stream as a Markdown table."""
    columns = SAMPLE_COLUMNS[stream]
    rows = [f"| {' | '.join(f'`{name}`' for name in columns)} |", f"|{'---|' * len(columns)}"]
    rows += [
        f"| {' | '.join(_cell(record[name]) for name in columns)} |"
        for record in _records(stream)[:SAMPLE_ROWS]
    ]
    return "\n".join(rows)


def diagram() -> str:
    """Return the diagram of the tables as inline SVG, which follows the page's text color."""
    boxes, height = _layout()
    lines = [
        '<div class="picture">',
        f'<svg viewBox="0 0 {WIDTH} {height}" {SVG}>',
        '<title id="model-title">The tables and the columns that join them</title>',
        '<desc id="model-desc">The table below the picture lists the same joins.</desc>',
    ]
    curves = [_curve(boxes, join) for join in joins()]
    lines += [f"<g {LINE}>", *(line for line, _ in curves), "</g>"]
    lines += dict.fromkeys(dot for _, dot in curves)  # several lines can end at one dot
    lines += [f"<g {BOX}>", *(box.frame() for box in boxes.values()), "</g>"]
    for name, box in boxes.items():
        lines += box.text(name)
    return "\n".join([*lines, "</svg>", "</div>"])


class _Box(NamedTuple):
    """A table in the diagram."""

    x: int
    y: int
    width: int
    columns: tuple[str, ...]

    @property
    def height(self) -> int:
        return HEAD + ROW * len(self.columns) + 6

    def row_y(self, column: str) -> int:
        """Return the middle of a column's row."""
        return self.y + HEAD + ROW * self.columns.index(column) + ROW // 2

    def frame(self) -> str:
        """Return the frame of the box."""
        size = f'width="{self.width}" height="{self.height}"'
        return f'<rect x="{self.x}" y="{self.y}" {size} rx="6"/>'

    def text(self, name: str) -> list[str]:
        """Return the title and the columns, as lines of one text."""
        x = self.x + 10
        lines = ["<text>", f'<tspan x="{x}" y="{self.y + 20}" font-weight="700">{name}</tspan>']
        for column in self.columns:
            y, mark = self.row_y(column) + 5, " (PK)" if column == "id" else ""
            lines.append(f'<tspan x="{x}" y="{y}">{column}{mark}</tspan>')
        return [*lines, "</text>"]


def _layout() -> tuple[dict[str, _Box], int]:
    """Return the boxes by table name, and the height of the diagram."""
    boxes: dict[str, _Box] = {}
    bottom = 0
    columns = (LEFT, LEFT_X, LEFT_WIDTH, 6, GAP), (RIGHT, RIGHT_X, RIGHT_WIDTH, 60, RIGHT_GAP)
    for tables, x, width, top, gap in columns:
        y = top
        for table in tables:
            keys = [join.column for join in joins() if join.table == table and join.column != "id"]
            names = ["name"] if table in RIGHT else []
            boxes[table] = _Box(x, y, width, ("id", *keys, *names))
            y += boxes[table].height + gap
        bottom = max(bottom, y - gap)
    return boxes, bottom + 6


def _curve(boxes: dict[str, _Box], join: Join) -> tuple[str, str]:
    """Return the line from a column to the key that it refers to, and the dot at the key."""
    start, end = boxes[join.table], boxes[join.target]
    y1, y2 = start.row_y(join.column), end.row_y("id")
    if start.x == end.x:  # around the outside of the column
        side = start.x if start.x == LEFT_X else start.x + start.width
        x1 = x2 = side
        bend = -20 if start.x == LEFT_X else 20
        path = f"M{x1},{y1} C{x1 + bend},{y1} {x2 + bend},{y2} {x2},{y2}"
    else:
        x1, x2 = start.x + start.width, end.x
        path = f"M{x1},{y1} C{x1 + 50},{y1} {x2 - 50},{y2} {x2},{y2}"
    return f'<path d="{path}"/>', f'<circle cx="{x2}" cy="{y2}" r="3"/>'


class _SampleTap(TapHubSpotThreads):
    """The tap, connected to the sample account."""

    runtime: ClassVar[Runtime] = Runtime(
        transport=lambda _: MemoryTransport(
            Service(Account.sample(SAMPLE_THREADS), limit=RollingLimit(1_000_000))
        )
    )


@cache
def _all_records() -> dict[str, list[dict[str, Any]]]:
    """Return the records of a sync of the sample account, by stream."""
    catalog = _SampleTap(config={}, validate_config=False).catalog_dict
    for entry in catalog["streams"]:
        entry["metadata"][-1]["metadata"]["selected"] = True
    out = io.StringIO()
    with redirect_stdout(out):
        _SampleTap(config={"access_token": TOKEN}, catalog=catalog).sync_all()
    found: dict[str, list[dict[str, Any]]] = {stream: [] for stream in SAMPLE_COLUMNS}
    for line in out.getvalue().splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            found[message["stream"]].append(message["record"])
    return found


def _records(stream: str) -> list[dict[str, Any]]:
    if stream == "deleted_threads":  # a first sync detects no deletion
        return [{"id": "9336126309", "detectedAt": "2026-11-25T09:15:01.000Z"}]
    return _all_records()[stream]


def _cell(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if "@" in text:
        return f"`{text}`"  # the site would make a link of a plain address
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL // 2]}…"
