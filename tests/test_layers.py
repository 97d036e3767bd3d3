"""Imports point down the layers of docs/architecture.md, those for type checkers included, and never in circles."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pdekit"
# From the ground up; a module imports from its own layer and from those below.
LAYERS = (
    ("errors", "typing", "thresholds", "counts", "deferred", "forgetting", "compilation", "ranks", "progress"),
    ("language",),
    ("geometry",),
    ("stencils",),
    ("boundary",),
    ("discretize",),
    ("data", "units"),
    ("kernels",),
    ("linear",),
    ("nonlinear",),
    ("time",),
    (
        "settings",
        "solution",
        "checkpoints",
        "outputs",
        "problem",
        "features",
        "prehistory",
        "posing",
        "steady",
        "consistent_values",
        "course",
        "coarse_defect",
        "resolution_notes",
        "run",
        "ensemble",
        "eigenmodes",
        "branches",
    ),
    ("inverse",),
    ("io", "verification", "plotting", "reporting"),
    ("watching", "solving", "parameter_sweep", "resuming", "distributed"),
    ("cli",),
    ("__main__",),
)
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}


def room(module: str) -> str:
    return module.split(".")[1]


def targets(node: ast.AST) -> set[str]:
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pdekit."):
        return {node.module}
    if isinstance(node, ast.Import):
        return {a.name for a in node.names if a.name.startswith("pdekit.")}
    return set()


def is_facade(node: ast.AST) -> bool:
    """A method that does nothing but import a function and hand itself over, as ``Field.plot`` does."""
    if not isinstance(node, ast.FunctionDef):
        return False
    body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return (
        len(body) == 2
        and isinstance(body[0], ast.ImportFrom)
        and isinstance(body[1], ast.Return)
        and isinstance(body[1].value, ast.Call)
        and isinstance(body[1].value.func, ast.Name)
        and body[1].value.func.id in {a.name for a in body[0].names}
    )


def imports(path: Path) -> set[str]:
    """What a module imports anywhere, but for the facades."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        found.update(targets(node))
        if not is_facade(node):
            for child in ast.iter_child_nodes(node):
                visit(child)

    visit(ast.parse(path.read_text()))
    return found


def modules() -> dict[str, set[str]]:
    return {
        ".".join(("pdekit", *path.relative_to(PACKAGE).with_suffix("").parts)): imports(path)
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }


def test_every_room_has_a_layer():
    assert {room(name) for name in modules()} <= set(HEIGHT)


def test_imports_point_down():
    wrong = [
        f"{name} imports {target}"
        for name, found in modules().items()
        for target in found
        if HEIGHT[room(target)] > HEIGHT[room(name)]
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


def definitions() -> dict[str, list[str]]:
    """Public classes by name, with the modules that define them."""
    found: dict[str, list[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    return found


def test_no_two_modules_or_classes_of_one_name():
    names = Counter(path.stem for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    assert [name for name, count in names.items() if count > 1] == []
    assert {name: where for name, where in definitions().items() if len(where) > 1} == {}


def test_package_never_imports_problems():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not any(n.split(".")[0] == "problems" for n in names), path
