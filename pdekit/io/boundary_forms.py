"""Boundary conditions as they are written in configs. A new kind is a new line of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from pdekit.boundary.conditions import (
    SIDES,
    Absorbing,
    BoundaryCondition,
    Curvature,
    Dirichlet,
    FarField,
    Neumann,
    Outflow,
    Pole,
)
from pdekit.data.coefficients import Table
from pdekit.data.files import FileData
from pdekit.errors import nearest_hint
from pdekit.io.schema import FileSection, TableSection, data_section
from pdekit.io.yaml_source import Path, YamlSource


def _robin(given: Any, source: YamlSource, path: Path) -> BoundaryCondition:
    entry = _mapping(given, ("a", "b"), ("value",), source, path)
    a, b, value = (_data(entry.get(key, 0), source, (*path, key)) for key in ("a", "b", "value"))
    return BoundaryCondition((a, b), value)


def _combination(given: Any, source: YamlSource, path: Path) -> BoundaryCondition:
    entry = _mapping(given, ("coefficients",), ("value",), source, path)
    coefficients = entry["coefficients"]
    if not isinstance(coefficients, list) or not coefficients:
        raise source.error((*path, "coefficients"), "expected a list a_0, a_1, ... of factors of u, du/dn, ...")
    return BoundaryCondition(tuple(coefficients), _data(entry.get("value", 0), source, (*path, "value")))


def _pole(given: Any, source: YamlSource, path: Path) -> Pole:
    if given not in ("even", "odd"):
        raise source.error(path, f"allowed are even and odd, found {given!r}")
    return Pole(given)


def _absorbing(given: Any, source: YamlSource, path: Path) -> BoundaryCondition:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise source.error(path, f"expected the speed of the waves, a number or an expression, found {given!r}")
    return Absorbing(str(path[1]), given)


def _simple(make: Callable[[Any], BoundaryCondition]) -> Callable[[Any, YamlSource, Path], BoundaryCondition]:
    return lambda given, source, path: make(_data(given, source, path))


KINDS: dict[str, Callable[[Any, YamlSource, Path], BoundaryCondition | Pole]] = {
    "dirichlet": _simple(Dirichlet),
    "neumann": _simple(Neumann),
    "curvature": _simple(Curvature),
    "robin": _robin,
    "combination": _combination,
    "absorbing": _absorbing,
    "far_field": _simple(FarField),
    "pole": _pole,
}


def _data(value: Any, source: YamlSource, path: Path) -> Any:
    if isinstance(value, list):
        try:
            return np.array(value, dtype=float)
        except (TypeError, ValueError):
            raise source.error(path, "a list of boundary data must hold numbers") from None
    if isinstance(value, dict) and ("table" in value or "file" in value):
        return data_in_file(data_section(value, source, path), source.folder)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise source.error(
            path,
            f"expected a number, an expression, a list of numbers, {{file: ...}} or {{table: ..., x: ..., y: ...}}, found {value!r}",
        )
    return value


def data_in_file(given: FileSection | TableSection, folder: FilePath) -> FileData | Table:
    """Data in a file, whose path starts at a folder."""
    if isinstance(given, TableSection):
        return Table(str(folder / given.table), given.x, given.y, given.of, given.method)
    return FileData(str(folder / given.file), given.variable)


def _mapping(
    given: Any, needed: tuple[str, ...], optional: tuple[str, ...], source: YamlSource, path: Path
) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise source.error(path, f"expected a mapping of {', '.join((*needed, *optional))}, found {given!r}")
    allowed = (*needed, *optional)
    for key in given:
        if key not in allowed:
            raise source.error(
                (*path, key), f"unknown key; allowed are {', '.join(allowed)}{nearest_hint(key, allowed)}"
            )
    for key in needed:
        if key not in given:
            raise source.error(path, f"{key} is missing")
    return dict(given)


def _face(given: Any, source: YamlSource, path: Path) -> Any:
    """One face: ``outflow``, one condition, or a list of them."""
    if isinstance(given, list):
        return [_face(entry, source, (*path, i)) for i, entry in enumerate(given)]
    if given == "outflow":
        return Outflow()
    kinds = [*KINDS, "outflow"]
    if not isinstance(given, Mapping) or not given:
        hint = nearest_hint(given, kinds) if isinstance(given, str) else ""
        raise source.error(path, f"expected a condition such as {{dirichlet: 0}} or outflow, found {given!r}{hint}")
    if len(given) > 1:
        raise source.error(
            path,
            f"{len(given)} conditions, {', '.join(map(str, given))}, where one is expected; several make a list, [{{...}}, {{...}}]",
        )
    ((kind, value),) = given.items()
    if kind not in KINDS:
        raise source.error(
            (*path, kind), f"unknown condition; allowed are {', '.join(kinds)}{nearest_hint(kind, kinds)}"
        )
    return KINDS[kind](value, source, (*path, kind))


def boundary_from(given: Mapping[str, Any], source: YamlSource) -> dict[str, dict[str, Any]]:
    """The conditions of a config's ``boundary:``."""
    result: dict[str, dict[str, Any]] = {}
    for unknown, axes in given.items():
        result[unknown] = {}
        for axis, entry in axes.items():
            path: Path = ("boundary", unknown, axis)
            if axis in KINDS or axis == "outflow":
                raise source.error(path, f"conditions stand below an axis: {unknown}: {{x: {{{axis}: ...}}}}")
            if isinstance(entry, Mapping) and any(key in SIDES for key in entry):
                for key in entry:
                    if key in KINDS:
                        raise source.error(
                            path,
                            f"{key} holds on both faces, and one has a condition of its own beside it; give {{left: ..., right: ...}}",
                        )
                    if key not in SIDES:
                        hint = nearest_hint(key, SIDES)
                        raise source.error(
                            (*path, key), f"faces are left and right{hint}; conditions go below one of them"
                        )
                result[unknown][axis] = {side: _face(entry[side], source, (*path, side)) for side in entry}
            else:
                result[unknown][axis] = _face(entry, source, path)
    return result


def condition_to_config(condition: BoundaryCondition | Pole) -> dict[str, Any]:
    """A condition as it is written in a config."""
    if isinstance(condition, Pole):
        return {"pole": condition.parity}
    a = condition.coefficients
    value = condition.value.tolist() if isinstance(condition.value, np.ndarray) else condition.value
    if condition.is_beyond:
        return {"far_field": value}
    plain = {(1,): "dirichlet", (0, 1): "neumann", (0, 0, 1): "curvature"}
    if a in plain:
        return {plain[a]: value}
    if len(a) == 2:
        return {"robin": {"a": a[0], "b": a[1], "value": value}}
    return {"combination": {"coefficients": list(a), "value": value}}
