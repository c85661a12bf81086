"""The structure of the emulator and the demo: small folders, and imports in one direction."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import demo
import emulator

HOUSES = [Path(house.__path__[0]) for house in (demo, emulator)]
ROOT = HOUSES[0].parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for house in HOUSES
    for path in sorted(house.rglob("*.py"))
    if path.name != "__init__.py"
}
RANKS = {"behavior": 0, "data": 1, "endpoints": 2}
"""The layers below the service; a layer may import those of a lower rank, and itself."""
MAX_MODULES = 12


def imported(path: Path) -> set[str]:
    """Return the modules that a module imports, for type checking too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found & MODULES.keys()


def test_no_cycle() -> None:
    """No module imports itself by way of others."""
    order = TopologicalSorter({name: imported(path) for name, path in MODULES.items()})
    assert set(order.static_order()) == MODULES.keys()


def test_layers() -> None:
    """The data imports no endpoint, an endpoint no service, the emulator no demo."""
    for name, path in MODULES.items():
        house, layer = name.split(".")[:2]
        for other in imported(path):
            other_house, other_layer = other.split(".")[:2]
            assert house == "demo" or other_house == "emulator", (name, other)
            if house == "emulator" and layer in RANKS:
                assert RANKS.get(other_layer, 9) <= RANKS[layer], (name, other)


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: str(house.name))
def test_few_modules_per_folder(house: Path) -> None:
    """A folder holds few modules, so that their names can be read at a glance."""
    for folder in {path.parent for path in MODULES.values() if house in path.parents}:
        modules = [path for path in MODULES.values() if path.parent == folder]
        assert len(modules) <= MAX_MODULES, folder
