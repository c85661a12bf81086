"""The structure of the emulator and the demo: small folders, and imports in one direction."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import demo
import emulator

PACKAGES = [Path(package.__path__[0]) for package in (demo, emulator)]
ROOT = PACKAGES[0].parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in PACKAGES
    for path in sorted(package.rglob("*.py"))
    if path.name != "__init__.py"
}
RANKS = {"behavior": 0, "data": 1, "endpoints": 2}
"""The layers below the service. A layer imports only from itself and lower ranks."""
MAX_MODULES = 12


def imported(path: Path) -> set[str]:
    """Return the modules that a module imports, including imports for type checking."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found & MODULES.keys()


def test_no_import_cycle() -> None:
    """No module imports itself through others."""
    order = TopologicalSorter({name: imported(path) for name, path in MODULES.items()})
    assert set(order.static_order()) == MODULES.keys()


def test_layers() -> None:
    """Data imports no endpoint, endpoints import no service, and the emulator imports no demo."""
    for name, path in MODULES.items():
        package, layer = name.split(".")[:2]
        for other in imported(path):
            other_package, other_layer = other.split(".")[:2]
            assert package == "demo" or other_package == "emulator", (name, other)
            if package == "emulator" and layer in RANKS:
                assert RANKS.get(other_layer, 9) <= RANKS[layer], (name, other)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.name))
def test_few_modules_per_folder(package: Path) -> None:
    """A folder has at most `MAX_MODULES` modules, so its names can be read at a glance."""
    for folder in {path.parent for path in MODULES.values() if package in path.parents}:
        modules = [path for path in MODULES.values() if path.parent == folder]
        assert len(modules) <= MAX_MODULES, folder
