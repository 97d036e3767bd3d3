"""Problem to config, and to a Python program: either face prints as the other."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from pdekit.boundary.conditions import BoundaryCondition, Outflow, Pole
from pdekit.data.files import FileData
from pdekit.geometry.axis import Axis
from pdekit.io.boundary_forms import condition_to_config
from pdekit.problem import Problem

_UNPRINTABLE = "<given in Python>"


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, complex):
        return str(value).strip("()")
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return _UNPRINTABLE


def _axis(axis: Axis) -> dict[str, Any]:
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
    entry |= {k: v for k, v in (("unit", axis.unit), ("long_name", axis.long_name)) if v}
    return entry


def _face(given: Any) -> Any:
    if isinstance(given, Outflow):
        return "outflow"
    if isinstance(given, BoundaryCondition | Pole):
        entry = condition_to_config(given)
        return {
            k: {a: _scalar(b) for a, b in v.items()} if isinstance(v, dict) else _scalar(v) for k, v in entry.items()
        }
    if isinstance(given, dict):
        return {side: _face(entry) for side, entry in given.items()}
    return [_face(entry) for entry in given]


def problem_to_config(problem: Problem) -> dict[str, Any]:
    """The config of a problem, as plain data. Data given as Python functions are marked, not printed."""
    pde = problem.pde
    config: dict[str, Any] = {"title": problem.title} if problem.title else {}
    if problem.grid.geometry is not None:
        config["coordinates"] = problem.grid.system
    config["grid"] = {name: _axis(axis) for name, axis in zip(problem.grid.names, problem.grid.axes)}
    optional = {
        "parameters": {n: _scalar(v) for n, v in pde.parameters.items()},
        "definitions": dict(pde.definitions),
        "equations": list(pde.equations) if pde.equations else [_UNPRINTABLE],
        "initial": {
            n: {k: x for k, x in vars(v).items() if x} if isinstance(v, FileData) else _scalar(getattr(v, "values", v))
            for n, v in problem.initial.items()
        },
        "boundary": {n: {a: _face(c) for a, c in axes.items()} for n, axes in problem.boundary.items()},
        "exact": {n: _scalar(v) for n, v in problem.exact.items()},
        "discretization": {"order": problem.order, **({"schemes": problem.schemes} if problem.schemes else {})},
        "labels": problem.labels,
    }
    config |= {key: value for key, value in optional.items() if value}
    for key in ("time", "output", "convergence"):
        defaults = vars(type(getattr(problem, key))())
        given = {
            n: list(v) if isinstance(v, tuple) else v
            for n, v in vars(getattr(problem, key)).items()
            if v != defaults[n]
        }
        if given:
            config[key] = given
    return config


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


def _python_face(given: Any) -> str:
    if isinstance(given, Outflow):
        return "pk.Outflow()"
    if isinstance(given, Pole):
        return f"pk.Pole({given.parity!r})"
    if isinstance(given, dict):
        return "{" + ", ".join(f"{side!r}: {_python_face(entry)}" for side, entry in given.items()) + "}"
    if not isinstance(given, BoundaryCondition):
        return "[" + ", ".join(_python_face(entry) for entry in given) + "]"
    value = repr(_scalar(given.value))
    names = {(1,): "Dirichlet", (0, 1): "Neumann", (0, 0, 1): "Curvature"}
    if given.coefficients in names:
        return f"pk.{names[given.coefficients]}({value})"
    if len(given.coefficients) == 2:
        return f"pk.Robin({given.coefficients[0]!r}, {given.coefficients[1]!r}, {value})"
    return f"pk.BoundaryCondition({given.coefficients!r}, {value})"


def _python_axis(axis: Axis) -> str:
    entry = _axis(axis)
    ends = entry.pop("range", [])
    points = [entry.pop("points")] if "points" in entry else []
    words = [repr(v) for v in (*ends, *points)] + [f"{k}={v!r}" for k, v in entry.items()]
    return f"pk.Axis({', '.join(words)})"


def problem_to_python(problem: Problem) -> str:
    """A Python program that builds the problem."""
    pde = problem.pde
    words = [repr(pde.equations[0] if len(pde.equations) == 1 else list(pde.equations))]
    words += [f"{k}={dict(v)!r}" for k, v in (("parameters", pde.parameters), ("definitions", pde.definitions)) if v]
    axes = ", ".join(f"{name}={_python_axis(axis)}" for name, axis in zip(problem.grid.names, problem.grid.axes))
    boundary = ", ".join(
        f"{n!r}: {{" + ", ".join(f"{a!r}: {_python_face(c)}" for a, c in entry.items()) + "}"
        for n, entry in problem.boundary.items()
    )
    initial = ", ".join(
        f"{n!r}: " + (f"pk.FileData({v.file!r}, {v.variable!r})" if isinstance(v, FileData) else repr(_scalar(v)))
        for n, v in problem.initial.items()
    )
    arguments = [f"initial={{{initial}}}", f"boundary={{{boundary}}}"]
    if problem.exact:
        arguments.append(f"exact={ {n: _scalar(v) for n, v in problem.exact.items()}!r}")
    arguments += [f"schemes={problem.schemes!r}"] if problem.schemes else []
    arguments += [f"order={problem.order}", f"time=pk.{problem.time!r}", f"output=pk.{problem.output!r}"]
    arguments += [f"convergence=pk.{problem.convergence!r}", f"title={problem.title!r}"]
    body = ",\n    ".join(["pde", "grid", *arguments])
    if problem.grid.geometry is not None:
        axes += f", coordinates={problem.grid.system!r}"
    return (
        f"import pdekit as pk\n\npde = pk.PDE({', '.join(words)})\ngrid = pk.Grid({axes})\n"
        f"problem = pk.Problem(\n    {body},\n)\n"
    )
