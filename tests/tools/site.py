"""Check that the documentation's site works without a network.

`make docs-site` builds the site, checks its links and runs `python -m tests.tools.site`. This
module checks that no page loads a script, style or image from another host, that the search finds
each page unless it is excluded, and that no list item is rendered as text.
"""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from typing_extensions import override

from tests.tools.docs import PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SITE = ROOT / "site"
LOADING = {"img", "script", "iframe", "source", "audio", "video"}


class Page(HTMLParser):
    """Finds the URLs that a browser loads for a page, and list items that are rendered as text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.items: list[str] = []
        self._is_text = False
        self.feed(path.read_text(encoding="utf-8"))

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADING:
            self.urls.append(given.get("src") or "")
        if tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}:
            self.urls.append(given.get("href") or "")
        self._is_text = tag == "p" or (self._is_text and tag != "pre")

    @override
    def handle_data(self, data: str) -> None:
        if self._is_text:
            self.items += re.findall(r"^(?:\d+\.|[-*]) .*", data, re.MULTILINE)

    @override
    def handle_endtag(self, tag: str) -> None:
        self._is_text = self._is_text and tag != "p"


def problems_of(path: Path) -> list[str]:
    """Return the URLs of other hosts that a page loads, and its broken list items."""
    page = Page(path)
    outside = [url for url in page.urls if urlsplit(url).netloc]
    return [f"{path}: {line}" for line in [*outside, *page.items]]


def main() -> int:
    """Check the site and print the problems. Return the exit code."""
    problems = [line for path in SITE.rglob("*.html") for line in problems_of(path)]
    (index,) = SITE.glob("search*.json")
    entries = json.loads(index.read_text(encoding="utf-8"))
    text = json.dumps(entries)
    for page in PAGES:
        if "\nsearch:\n  exclude: true\n" in page.read_text(encoding="utf-8"):
            continue
        name = str(page.relative_to(ROOT / "docs").with_suffix(".html"))
        problems += [] if name in text else [f"{name}: not in the search"]
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    for line in problems:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"site/: {len(PAGES)} pages, {size / 1e6:.1f} MB\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
