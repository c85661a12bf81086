"""`python -m tests.site`: whether the documentation's site gets by without the network.

`make docs-site` has built it and checked its links. Here: no page has a script, a style or a
picture of another host; each page can be found by the search, if it does not say otherwise.
"""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from typing_extensions import override

from tests.docs import PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SITE = ROOT / "site"
LOADING = {"img", "script", "iframe", "source", "audio", "video"}


class Loads(HTMLParser):
    """Finds what a browser fetches for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADING:
            self.found.append(given.get("src") or "")
        if tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}:
            self.found.append(given.get("href") or "")


def outside(path: Path) -> list[str]:
    """Return the addresses of other hosts that a page fetches from."""
    loads = Loads()
    loads.feed(path.read_text(encoding="utf-8"))
    return [url for url in loads.found if urlsplit(url).netloc]


def main() -> int:
    """Look, and say what is wrong; return the exit code."""
    wrong = [f"{path}: {url}" for path in SITE.rglob("*.html") for url in outside(path)]
    (index,) = SITE.glob("search*.json")
    entries = json.loads(index.read_text(encoding="utf-8"))
    text = json.dumps(entries)
    for page in PAGES:
        if "\nsearch:\n  exclude: true\n" in page.read_text(encoding="utf-8"):
            continue
        name = str(page.relative_to(ROOT / "docs").with_suffix(".html"))
        wrong += [] if name in text else [f"{name}: not in the search"]
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"site/: {len(PAGES)} pages, {size / 1e6:.1f} MB\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
