"""The prose check: phrases that the project's style does not use, in pages, code and messages.

`python -m tests.tools.prose [PATH ...]` prints each place and exits with 1 if there is one.
"""

from __future__ import annotations

import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

PLACES = (
    *("tap_hubspot_threads", "emulator", "demo", "tests", "benchmarks", "examples"),
    *("Makefile", "pyproject.toml", "meltano.yml", "hub/tap-hubspot-threads.yml"),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs", "dbt", ".github"),
)
"""The checked files and folders."""
SUFFIXES = {".md", ".py", ".json", ".sh", ".toml", ".yml"}
EXEMPT = {"tests/tools/prose.py", "tests/payloads/payloads.json"}
"""This list itself, and recorded answers."""

PHRASES = re.compile(
    r"""
    \btold\b | \btells?\ of\b                         # HubSpot returns, reports, documents
    | \banew\b | \bgo(?:es)?\ on\ where\b               # syncs resume or start over
    | \bin\ silence\b | without\ a\ word                # silent change; no warning is logged
    | \bmend | \bin\ vain\b | \bwhoever\b | \blikewise\b  # plain register
    | \bheeds?\b | \bsuffices\b | quarter\ of\ an\ hour
    | the\ day's\ calls | \bhangs\ on\b | goes\ out\b     # the field's words
    | (?:thread|call|row|page|id)s?\ an?\ (?:call|thread|sync|run|page|line|stream)\b  # per
    | \b(?:is|are)\ of\b                              # belongs to
    | \b[0-9]+\ %(?![(\w])                            # 10%
    | Look\ (?:at|whether)\b                          # check
    | \be-mails?\b                                    # email
    """,
    re.VERBOSE,
)


def main(paths: list[str]) -> int:
    """Print each phrase found; return the exit code."""
    files = [Path(path) for path in paths] or list(_files())
    places = [place for file in files for place in find(file)]
    for place in places:
        print(place)  # noqa: T201 - a command
    return 1 if places else 0


def find(file: Path) -> Iterator[str]:
    """Return the places in one file: comments and strings of Python, paragraphs of other files."""
    for number, text in _texts(file):
        joined = re.sub(r"\s+", " ", text)
        for match in PHRASES.finditer(joined):
            context = joined[max(0, match.start() - 30) : match.end() + 30]
            yield f"{file}:{number}: {match[0]!r} in “{context}”"


def _texts(file: Path) -> Iterator[tuple[int, str]]:
    text = file.read_text("utf-8")
    if file.suffix == ".md":
        for match in re.finditer(r"(?:.+\n?)+", text):
            yield text.count("\n", 0, match.start()) + 1, match[0]
        return
    if file.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    with file.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            # Parts of f-strings are tokens of their own from Python 3.12 on, hence the name.
            if tokenize.tok_name[token.type] in {"COMMENT", "STRING", "FSTRING_MIDDLE"}:
                yield token.start[0], token.string


def _files() -> Iterator[Path]:
    for name in PLACES:
        place = ROOT / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in SUFFIXES and str(path.relative_to(ROOT)) not in EXEMPT:
                yield path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
