"""The house's own rules: how much may stand on what, and how large anything may get."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tap_hubspot_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(tap_hubspot_threads.__file__).parent
TESTS = Path(__file__).parent
NAME = tap_hubspot_threads.__name__
FOLDERS = ["hubspot", "streams", "sync"]
MODULES = sorted(path for path in ROOT.rglob("*.py"))

DECLARATIONS = {"__init__.py", "out.py", "read.py", "threads.py"}
"""What only declares; whoever uses it tests it."""

MOST_FILES = 10
MOST_LINES = 350
MOST_CLASSES = 2


def classes() -> Iterator[type[Any]]:
    """Yield the classes of the package, but for errors and protocols."""
    for info in pkgutil.walk_packages([str(ROOT)], f"{NAME}."):
        module = importlib.import_module(info.name)
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__ and is_counted(found):
                yield found


def is_counted(found: type[Any]) -> bool:
    """Whether a class is ours, and neither an error nor a protocol."""
    is_ours = found.__module__.partition(".")[0] == NAME
    is_protocol = getattr(found, "_is_protocol", False)
    return is_ours and not issubclass(found, BaseException) and not is_protocol


def test_few_classes_on_one_another() -> None:
    """A class of ours has at most one class of ours above it."""
    towers = {found: [part for part in found.__mro__ if is_counted(part)] for found in classes()}
    assert len(towers) > len(MODULES) / 2
    assert [tower for tower in towers.values() if len(tower) > MOST_CLASSES] == []


def test_few_files_in_the_root() -> None:
    """The package's root holds a handful of files."""
    files = [path.name for path in ROOT.iterdir() if path.is_file()]
    assert len(files) <= MOST_FILES, files


def test_short_modules() -> None:
    """No module is longer than a person reads in one go."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    too_long = {path: count for path, count in lines.items() if count > MOST_LINES}
    assert {str(path.relative_to(ROOT)): count for path, count in too_long.items()} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_says_what_lives_there(folder: str) -> None:
    """A folder's docstring says what lives there, and what it may import: nothing else."""
    words = importlib.import_module(f"{NAME}.{folder}").__doc__ or ""
    assert words.splitlines()[0].endswith(".")
    assert "May import" in " ".join(words.split())


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.name in FOLDERS and path.name not in DECLARATIONS],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_tests_lie_where_the_module_does(path: Path) -> None:
    """Each module of a layer has tests of its own, in the folder and file of its name."""
    assert (TESTS / path.parent.name / f"test_{path.name}").exists()


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_tests_of_what_is_not_there(folder: str) -> None:
    """Each file of tests in a layer's folder is about a module of that layer."""
    about = {path.stem.removeprefix("test_") for path in (TESTS / folder).glob("test_*.py")}
    assert about <= {path.stem for path in (ROOT / folder).glob("*.py")}
