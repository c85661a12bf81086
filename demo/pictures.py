"""`make pictures`: draw the pictures in docs/images, each for light and for dark pages.

The picture of the demo shows the output of `make run` in a copy of the repository.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from demo.environment import ROOT, TAP, TARGET, console

IMAGES = ROOT / "docs" / "images"
WIDTH = 100
"""Characters per line of the demo's output."""

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """The colors of one variant of each picture."""

    background: Color
    text: Color
    line: Color
    accent: Color
    fill: Color


THEMES = {
    "light": Theme(
        background=(255, 255, 255),
        text=(31, 35, 40),
        line=(140, 149, 159),
        accent=(194, 65, 12),
        fill=(255, 247, 237),
    ),
    "dark": Theme(
        background=(22, 27, 34),
        text=(230, 237, 243),
        line=(125, 133, 144),
        accent=(253, 146, 87),
        fill=(51, 34, 22),
    ),
}


LAYOUTS = ("wide", "tall")
"""The layouts of the picture of the pipeline. `tall` is for phones."""


class Box(NamedTuple):
    """A step of the pipeline."""

    title: str
    lines: tuple[str, str]
    is_ours: bool = False


PIPELINE = (
    Box("HubSpot", ("Conversations API", "inboxes, help desk")),
    Box("tap-hubspot-threads", ("reads what is new", "or has changed"), is_ours=True),
    Box("Singer target", ("PostgreSQL, Snowflake,", "DuckDB, BigQuery, files")),
    Box("Your warehouse", ("up to 8 tables, updated", "by primary key")),
    Box("dbt models", ("reply times, reopenings,", "agent activity"), is_ours=True),
)
NOTE = ("scheduled by Meltano,", "cron, Airflow or Kubernetes;", "state kept between runs")
"""The note about the second and the third box. A brace connects the note to the boxes."""
BOX_WIDTH, BOX_HEIGHT, GAP, MARGIN = 196, 92, 34, 6

# Rich's own format would load a font from another host and draw the title bar of a window.
TERMINAL = Template(
    """\
<svg class="rich-terminal" viewBox="0 0 {width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
<rect width="100%" height="100%" rx="8" fill="$background" stroke="$line" stroke-width="2"/>
<g transform="translate({terminal_x}, 12)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""
)


def main() -> int:
    """Write the pictures. Return the exit code."""
    IMAGES.mkdir(exist_ok=True)
    output = run_demo()
    for name, theme in THEMES.items():
        for layout in LAYOUTS:
            path = IMAGES / f"pipeline-{layout}-{name}.svg"
            path.write_text(draw_pipeline(theme, layout), encoding="utf-8")
        (IMAGES / f"demo-{name}.svg").write_text(draw_terminal(output, theme), encoding="utf-8")
    console.print(f"The pictures are in {IMAGES.relative_to(ROOT)}.")
    return 0


def run_demo() -> str:
    """Return the output of the first `make run` in a copy of the repository."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "demo")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "site", "tests"))
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((f"{TAP}_", f"{TARGET}_", "MELTANO_", "PG"))
        }
        environment |= {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "TTY_INTERACTIVE": "0"}
        done = subprocess.run(
            [sys.executable, "-m", "demo"],
            cwd=copy,
            env=environment | {"PYTHONPATH": str(copy)},
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
    tables, _, _ = done.stdout.partition("\nTo load your own account")
    return tables


def draw_terminal(output: str, theme: Theme) -> str:
    """Return a terminal with the command and its output, as SVG."""
    recorder = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    recorder.print(Text.assemble(("$ ", "dim"), ("make run", "bold")))
    recorder.print(Text.from_ansi(output.strip()), end="\n\n")
    drawn = recorder.export_svg(
        title="",
        theme=TerminalTheme(theme.background, theme.text, [theme.text] * 8),
        code_format=TERMINAL.substitute(background=_hex(theme.background), line=_hex(theme.line)),
        unique_id="demo",
    )
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def draw_pipeline(theme: Theme, layout: str) -> str:
    """Return the steps from HubSpot to the dbt models, as SVG."""
    is_wide = layout == "wide"
    places = [_place(number, is_wide=is_wide) for number in range(len(PIPELINE))]
    parts = [_box(x, y, box, theme) for (x, y), box in zip(places, PIPELINE, strict=True)]
    parts += [_arrow(x, y, theme, is_wide=is_wide) for x, y in places[1:]]
    (left, top), (right, bottom) = places[1:3]
    right, bottom = right + BOX_WIDTH, bottom + BOX_HEIGHT
    if is_wide:
        brace = f"M{left} {bottom + 14} v12 H{right} v-12"
        lines: tuple[str, ...] = (" ".join(NOTE),)
        x, y = (left + right) // 2, bottom + 46
        width, height = places[-1][0] + BOX_WIDTH, bottom + 50
    else:
        brace = f"M{right + 10} {top} h10 V{bottom} h-10"
        lines = NOTE
        x, y = right + 125, (top + bottom) // 2 - 14
        width, height = right + 220, places[-1][1] + BOX_HEIGHT
    parts.append(f'<path d="{brace}" fill="none" stroke="{_hex(theme.line)}"/>')
    parts += [f'<text x="{x}" y="{y + 20 * row}">{line}</text>' for row, line in enumerate(lines)]
    return Template(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" role="img">\n'
        "<style>text { font-family: system-ui, sans-serif; text-anchor: middle; fill: $text; "
        "font-size: 14px } .title { font-weight: 600; font-size: 15px }</style>\n$parts\n</svg>\n"
    ).substitute(
        width=width + MARGIN,
        height=height + MARGIN,
        text=_hex(theme.text),
        parts="\n".join(parts),
    )


def _place(number: int, *, is_wide: bool) -> tuple[int, int]:
    """Return the upper left corner of a box."""
    if is_wide:
        return MARGIN + number * (BOX_WIDTH + GAP), MARGIN
    return MARGIN, MARGIN + number * (BOX_HEIGHT + GAP)


def _box(x: int, y: int, box: Box, theme: Theme) -> str:
    middle = x + BOX_WIDTH / 2
    stroke, fill = (theme.accent, theme.fill) if box.is_ours else (theme.line, theme.background)
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" '
        f'fill="{_hex(fill)}" stroke="{_hex(stroke)}" stroke-width="{2 if box.is_ours else 1}"/>'
        f'<text x="{middle}" y="{y + 30}" class="title">{box.title}</text>'
        f'<text x="{middle}" y="{y + 54}">{box.lines[0]}</text>'
        f'<text x="{middle}" y="{y + 74}">{box.lines[1]}</text>'
    )


def _arrow(x: int, y: int, theme: Theme, *, is_wide: bool) -> str:
    """Return an arrow from the previous box to the box at this place."""
    color = _hex(theme.line)
    if is_wide:
        turn = f"translate({x - 5} {y + BOX_HEIGHT / 2})"
    else:
        turn = f"translate({x + BOX_WIDTH / 2} {y - 5}) rotate(90)"
    return (
        f'<g transform="{turn}"><path d="M{10 - GAP} 0 H-6" stroke="{color}" stroke-width="2"/>'
        f'<path d="M0 0 l-9 -5 v10 z" fill="{color}"/></g>'
    )


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


if __name__ == "__main__":
    sys.exit(main())
