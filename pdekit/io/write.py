"""Problem to config, and to a Python program: either face prints as the other.

Every argument of `PDE` and `Problem` has one line in `FORMS`, which says where it stands in a config; a test asks that none is
missing. Values are printed by their types.
"""

from __future__ import annotations

import io
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from pdekit.boundary.conditions import BoundaryCondition, Outflow, Pole
from pdekit.data.coefficients import Table
from pdekit.data.files import FileData
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Field
from pdekit.io.boundary_forms import condition_to_config
from pdekit.language.pde import PDE
from pdekit.problem import Problem

UNPRINTABLE = "<given in Python>"
# Arguments and the keys under which they stand in a config; those of the equations first.
FORMS: dict[str, tuple[str, ...]] = {
    "equations": ("equations",),
    "parameters": ("parameters",),
    "definitions": ("definitions",),
    "unknowns": ("unknowns",),
    "scalars": ("scalars",),
    "sources": ("sources",),
    "reach": ("reach",),
    "rhs": ("rhs",),
    "initial": ("initial",),
    "domain": ("domain",),
    "boundary": ("boundary",),
    "interfaces": ("interfaces",),
    "regions": ("regions",),
    "exact": ("exact",),
    "order": ("discretization", "order"),
    "schemes": ("discretization", "schemes"),
    "advection": ("discretization", "advection"),
    "splitting": ("discretization", "splitting"),
    "positive": ("discretization", "positive"),
    "time": ("time",),
    "output": ("output",),
    "convergence": ("convergence",),
    "stop": ("stop",),
    "constraints": ("constraints",),
    "projections": ("projections",),
    "title": ("title",),
    "labels": ("labels",),
    "units": ("units",),
}
FIRST = (
    "title",
    "coordinates",
    "units",
    "grid",
    "domain",
    "parameters",
    "definitions",
    "unknowns",
    "scalars",
    "equations",
)  # as people write them


def plain(value: Any) -> Any:
    """A value as it stands in a config: mappings, lists, texts and numbers."""
    if value is None or isinstance(value, str | bool | int | float):
        return float(value) if isinstance(value, float) else value  # no number of a kind of its own
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, complex):
        return str(value).strip("()")
    if isinstance(value, np.ndarray | Field):
        values = np.asarray(value)
        return plain(values.tolist()) if values.dtype.kind != "c" else plain(list(values))
    if isinstance(value, Axis):
        return axis_to_config(value)
    if isinstance(value, Outflow):
        return "outflow"
    if isinstance(value, BoundaryCondition | Pole):
        return plain(condition_to_config(value))
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(entry) for name, entry in changed(value).items()}
    if hasattr(value, "free_symbols"):
        return str(value)
    return UNPRINTABLE


def changed(settings: Any) -> dict[str, Any]:
    """Those fields of settings that are not what they are by default."""
    given = {f.name: getattr(settings, f.name) for f in fields(settings)}
    defaults = {f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(settings)}
    return {name: value for name, value in given.items() if value is not defaults[name] and value != defaults[name]}


def axis_to_config(axis: Axis) -> dict[str, Any]:
    """An axis as it stands in a config."""
    entry: dict[str, Any]
    if axis.family is None:
        entry = {"nodes": axis.nodes.tolist()}
        if axis.offset:
            entry = {"range": [axis.left, axis.right], **entry, "offset": axis.offset}
        if axis.periodic:
            entry = {"range": [axis.left, axis.right], **entry}
    else:
        entry = {"range": [axis.left, axis.right], "points": axis.size}
        if not axis.uniform:
            spacing = axis.family
            entry["spacing"] = YAML(typ="safe", pure=True).load(spacing) if spacing.startswith("{") else spacing
    if axis.periodic:
        entry["periodic"] = True
    if any(axis.absorbing_layer):
        left, right = axis.absorbing_layer
        entry["absorbing_layer"] = left if left == right else {"left": left, "right": right}
    return entry | {k: v for k, v in (("unit", axis.unit), ("long_name", axis.long_name)) if v}


def arguments(problem: Problem) -> dict[str, Any]:
    """The arguments of a problem and its equations that are not what they are by default."""
    given = {**problem.pde.arguments(), **problem.arguments()}
    given |= {"grid": problem.grid}
    if given.get("unknowns") == PDE.inferred_unknowns(problem.pde):
        del given["unknowns"]
    return {
        name: value
        for name, value in given.items()
        if isinstance(value, np.ndarray) or (value is not None and value != () and value != {} and value != "")
    }


def problem_to_config(problem: Problem) -> dict[str, Any]:
    """The config of a problem, as plain data. Data given as Python functions are marked, not printed."""
    given = arguments(problem)
    config: dict[str, Any] = {"grid": {n: plain(a) for n, a in zip(problem.grid.names, problem.grid.axes)}}
    if problem.grid.geometry is not None:
        config["coordinates"] = problem.grid.system
    for name, (key, *inner) in FORMS.items():
        value = plain(given[name]) if name in given else None
        if value in (None, {}) or (name, value) in (("reach", 1), ("advection", "auto")):
            continue
        if inner:
            config.setdefault(key, {})[inner[0]] = value
        else:
            config[key] = value
    config.setdefault("equations", [UNPRINTABLE])
    config.pop("rhs", None)
    ordered = [*(key for key in FIRST if key in config), *(key for key in config if key not in FIRST)]
    return {key: config[key] for key in ordered}


def problem_to_yaml(problem: Problem) -> str:
    """The config of a problem, as YAML.

    Examples
    --------
    >>> import pdekit as pk
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 11)), initial={"u": "x"},
    ...                  boundary={"u": {"x": pk.Neumann(0)}})
    >>> print(rod.to_yaml())
    grid:
      x:
        range: [0.0, 1.0]
        points: 11
    equations: [u_t = u_xx]
    initial: {u: x}
    boundary:
      u:
        x: {neumann: 0}
    discretization: {order: 2}
    <BLANKLINE>
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 110
    stream = io.StringIO()
    yaml.dump(problem_to_config(problem), stream)
    return stream.getvalue()


PLAIN_CONDITIONS = {(1,): "Dirichlet", (0, 1): "Neumann", (0, 0, 1): "Curvature"}


def code(value: Any) -> str:
    """A value as Python code, `pdekit` being called ``pk``."""
    if isinstance(value, Outflow):
        return "pk.Outflow()"
    if isinstance(value, Pole):
        return f"pk.Pole({value.parity!r})"
    if isinstance(value, BoundaryCondition):
        data = code(value.value) if isinstance(value.value, FileData | Table) else repr(plain(value.value))
        if value.is_beyond:
            return f"pk.FarField({data})"
        if value.coefficients in PLAIN_CONDITIONS:
            return f"pk.{PLAIN_CONDITIONS[value.coefficients]}({data})"
        return f"pk.BoundaryCondition({code(value.coefficients)}, {data})"
    if isinstance(value, Axis):
        entry = axis_to_config(value)
        ends, points = entry.pop("range", []), [entry.pop("points")] if "points" in entry else []
        return f"pk.Axis({', '.join([*map(repr, (*ends, *points)), *(f'{k}={v!r}' for k, v in entry.items())])})"
    if is_dataclass(value) and not isinstance(value, type):
        return f"pk.{type(value).__name__}({', '.join(f'{k}={code(v)}' for k, v in changed(value).items())})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {code(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + "".join(f"{code(entry)}, " for entry in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(code(entry) for entry in value) + "]"
    return repr(value) if isinstance(value, complex) else repr(plain(value))


def problem_to_python(problem: Problem) -> str:
    """A Python program that builds the problem."""
    given, own = arguments(problem), set(problem.pde.arguments())
    equations = [code(given.pop("equations"))] if "equations" in given else []
    words = [*equations, *(f"{n}={code(v)}" for n, v in given.items() if n in own)]
    axes = ", ".join(f"{name}={code(axis)}" for name, axis in zip(problem.grid.names, problem.grid.axes))
    if problem.grid.geometry is not None:
        axes += f", coordinates={problem.grid.system!r}"
    settings = [f"{n}={code(v)}" for n, v in given.items() if n not in own and n != "grid"]
    body = ",\n    ".join(["pde", "grid", *settings])
    return (
        f"import pdekit as pk\n\npde = pk.PDE({', '.join(words)})\ngrid = pk.Grid({axes})\n"
        f"problem = pk.Problem(\n    {body},\n)\n"
    )
