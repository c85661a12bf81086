"""The structure of the package: sizes, class hierarchies, and where tests are."""

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
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")
FOLDERS = sorted({path.parent.relative_to(ROOT) for path in MODULES} - {Path()})

MAX_LINES = 350
"""A longer module needs a reason, because it may have two subjects."""
REASONS_FOR_LENGTH: dict[str, str] = {
    "sync/pipeline.py": "one thread, from its reference to its events"
}
MAX_MODULES = 12
"""A folder with more modules needs a subfolder."""
MAX_CLASSES = 2
MAX_PARAMETERS = 6

UNTESTED_ALONE = {
    "__main__.py": "tests/contract/test_command.py",
    "errors.py": "tests of the modules that raise them",
    "exit_codes.py": "tests/contract/test_exit_codes.py",
    "reference_lists.py": "tests/singer/test_streams.py",
    "sync/phases/range_reader.py": "tests/sync/phases/test_thread_list.py",
    "sync/context.py": "tests of the phases",
    "settings/schema.py": "tests/docs/test_docs.py",
    "settings/base_tap.py": "tests/contract/test_catalog.py",
}
"""Modules without their own test file, each with the tests that cover it."""


def classes() -> Iterator[type[Any]]:
    """Yield the classes of the package except errors and protocols."""
    for info in pkgutil.walk_packages([str(ROOT)], f"{NAME}."):
        module = importlib.import_module(info.name)
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__ and is_counted(found):
                yield found


def is_counted(found: type[Any]) -> bool:
    """Return whether a class belongs to the package and is neither an error nor a protocol."""
    is_ours = found.__module__.partition(".")[0] == NAME
    is_protocol = getattr(found, "_is_protocol", False)
    return is_ours and not issubclass(found, BaseException) and not is_protocol


def test_shallow_class_hierarchies() -> None:
    """A class of the package has at most one base class from the package."""
    hierarchies = {
        found: [part for part in found.__mro__ if is_counted(part)] for found in classes()
    }
    assert len(hierarchies) > len(MODULES) / 2
    assert [hierarchy for hierarchy in hierarchies.values() if len(hierarchy) > MAX_CLASSES] == []


def test_few_constructor_parameters() -> None:
    """A constructor has at most `MAX_PARAMETERS` parameters."""
    counts = {
        found.__name__: len(inspect.signature(found).parameters)
        for found in classes()
        if "__init__" in vars(found) and not hasattr(found, "__dataclass_fields__")
    }
    assert {name: count for name, count in counts.items() if count > MAX_PARAMETERS} == {}


def test_reasons_for_long_modules() -> None:
    """Exactly the modules of more than `MAX_LINES` lines have a reason."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    long = {str(path.relative_to(ROOT)) for path, count in lines.items() if count > MAX_LINES}
    assert long == REASONS_FOR_LENGTH.keys()


@pytest.mark.parametrize("folder", [Path(), *FOLDERS], ids=str)
def test_few_modules_per_folder(folder: Path) -> None:
    """A folder has at most `MAX_MODULES` modules, so its names can be read at a glance."""
    assert len([path for path in MODULES if path.parent == ROOT / folder]) <= MAX_MODULES


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_folder_docstrings(folder: Path) -> None:
    """A folder's docstring gives its purpose, and the allowed imports if it is a layer."""
    module = importlib.import_module(".".join([NAME, *folder.parts]))
    text = " ".join((module.__doc__ or "").split())
    assert text.endswith(".")
    assert "May import" in text or len(folder.parts) > 1 or folder.name == "settings"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_mirror_the_package(path: Path) -> None:
    """A module has a test file at the mirrored path, or is in `UNTESTED_ALONE`."""
    name = path.relative_to(ROOT)
    has_tests = (TESTS / name.parent / f"test_{name.name}").exists()
    assert has_tests != (name.as_posix() in UNTESTED_ALONE)


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_test_files_name_modules(folder: Path) -> None:
    """A test file's name starts with the name of a module in the mirrored folder."""
    modules = {path.stem for path in MODULES if path.parent == ROOT / folder}
    for path in (TESTS / folder).glob("test_*.py"):
        subject = path.stem.removeprefix("test_")
        assert any(subject == name or subject.startswith(f"{name}_") for name in modules), path
