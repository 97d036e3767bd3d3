"""Imports point down the floors of the design, and never in circles."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pdekit"
FLOORS = {
    "errors": 0, "extension": 0, "stencils": 0, "axis": 0, "geometry": 0, "jit": 0, "grid": 0, "field": 0, "boundary": 0,
    "operators": 1, "equations": 1,
    "semidiscrete": 2, "kernels": 2, "solvers": 2,
    "integrators": 3, "steady": 3, "eigen": 3,
    "problem": 4, "run": 4, "settings": 4, "solution": 4, "storage": 4,
    "config": 5, "verification": 5, "plotting": 5,
    "cli": 6, "report": 6, "forecast": 5,
}  # fmt: skip


def room(module: str) -> str:
    return module.split(".")[1]


def imports(path: Path) -> set[str]:
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):  # what is imported for type checkers only is no dependency at run time
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pdekit."):
            found.add(node.module)
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("pdekit.")}
    return found


def modules() -> dict[str, set[str]]:
    return {
        ".".join(("pdekit", *path.relative_to(PACKAGE).with_suffix("").parts)): imports(path)
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }


def test_every_room_has_a_floor():
    assert {room(name) for name in modules()} <= set(FLOORS)


def test_imports_point_down():
    wrong = [
        f"{name} (floor {FLOORS[room(name)]}) imports {target} (floor {FLOORS[room(target)]})"
        for name, targets in modules().items()
        for target in targets
        if FLOORS[room(target)] > FLOORS[room(name)]
    ]
    assert not wrong


def test_no_circles():
    graph = modules()
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for target in graph.get(name, ()):
                visit(target, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_package_never_imports_problems():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not any(n.split(".")[0] == "problems" for n in names), path
