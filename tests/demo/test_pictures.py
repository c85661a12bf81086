"""The pictures of README and the documentation are current, and load nothing from other hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from demo.pictures import IMAGES, LAYOUTS, THEMES, draw_pipeline, draw_terminal, run_demo

if TYPE_CHECKING:
    from pathlib import Path


def read(name: str) -> str:
    """Return a picture's SVG."""
    return (IMAGES / f"{name}.svg").read_text(encoding="utf-8")


def test_pipeline() -> None:
    """The pictures of the pipeline are what `make pictures` draws."""
    for name, theme in THEMES.items():
        for layout in LAYOUTS:
            assert read(f"pipeline-{layout}-{name}") == draw_pipeline(theme, layout)


@pytest.mark.parametrize("name", ["pipeline-wide", "pipeline-tall", "demo"])
def test_variants(name: str) -> None:
    """Both variants have the same text, and differ in their colors."""
    light, dark = (read(f"{name}-{theme}") for theme in THEMES)
    assert light != dark
    texts = [re.findall(r">([^<]+)</text>", svg) for svg in (light, dark)]
    assert texts[0] == texts[1] != []


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*.svg")), ids=lambda path: path.name)
def test_no_other_host(path: Path) -> None:
    """A picture refers to no other host, such as for a font."""
    urls = re.findall(r"\w+://[^\"')\s]+", read(path.stem))
    assert set(urls) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.loads
def test_demo() -> None:
    """The pictures of the demo show the output of `make run`."""
    output = run_demo()
    for name, theme in THEMES.items():
        assert read(f"demo-{name}") == draw_terminal(output, theme)
