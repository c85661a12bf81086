"""Tests of the prose check that `make lint` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools.prose import find, main

if TYPE_CHECKING:
    from pathlib import Path

BAD = "to" + "ld"


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        (f'"""The user is {BAD} this."""', True),
        (f"# as {BAD} by HubSpot", True),
        (f'message = "the reason was {BAD}"', True),
        (f'message = f"{{name}} was {BAD}"', True),
        (f"{BAD} = 1", False),
        ('"""The user is informed."""', False),
    ],
)
def test_comments_and_strings_are_checked(tmp_path: Path, line: str, *, is_found: bool) -> None:
    """The check reads comments, docstrings and messages, but not names."""
    file = tmp_path / "module.py"
    file.write_text(line)
    assert bool(list(find(file))) is is_found


@pytest.mark.parametrize("name", ["module.py", "page.md"])
def test_phrase_across_lines(tmp_path: Path, name: str) -> None:
    """A phrase is found although a line break separates its words."""
    file = tmp_path / name
    file.write_text('"""A docstring."""\n\n"""500 threads a\ncall."""')
    (place,) = find(file)
    assert place.startswith(f"{file}:3: ")


def test_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints each place and fails if there is one."""
    file = tmp_path / "settings.json"
    file.write_text('{"description": "Read a page"}')
    assert main([str(file)]) == 0
    file.write_text(f'{{\n"description": "It was {BAD}"}}')
    assert main([str(file)]) == 1
    assert f"{file}:2: '{BAD}'" in capsys.readouterr().out
