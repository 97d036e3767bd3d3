"""Config to problem."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import sympy as sp

from pdekit.boundary.conditions import SIDES
from pdekit.boundary.interfaces import Interface
from pdekit.errors import ConfigError, PdekitError, nearest_hint
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Grid
from pdekit.io.boundary_forms import boundary_from, data_in_file
from pdekit.io.schema import AxisSection, ConfigModel, FileSection, InterfaceSection, TableSection, validate
from pdekit.io.yaml_source import Path as KeyPath
from pdekit.io.yaml_source import YamlSource, override, parse_yaml, parts, read_yaml, spell
from pdekit.language.evaluate import evaluate_number
from pdekit.language.parser import Scope, parse
from pdekit.language.pde import PDE
from pdekit.problem import Problem
from pdekit.settings import RULES, ConvergenceSettings, OutputSettings, StopSettings, TimeSettings
from pdekit.units.declared import DeclaredUnits, declare

# Settings that are times, and may be given in units of their own.
IN_TIME = {
    *(("time", name) for name in ("start", "end", "step", "max_step", "path_step")),
    *(("output", name) for name in ("every", "times")),
    ("convergence", "steps"),
}


def load(path: str | Path, overrides: Sequence[str] = (), *, python: bool = True) -> Problem:
    """The problem that a config describes.

    Parameters
    ----------
    path : str or Path
        A YAML file.
    overrides : sequence of str
        ``"key.path=value"``, applied as if they stood in the file.
    python : bool
        Whether the config may name a Python file, which is then run. Without it nothing in a config is ever executed.

    Returns
    -------
    Problem

    Raises
    ------
    ConfigError
        Says file, line and key path, what was found and what is allowed.
    """
    path = Path(path)
    source = read_yaml(path)
    return build(source, path.parent, overrides, python=python)


def loads(text: str, folder: str | Path = ".", overrides: Sequence[str] = (), *, python: bool = True) -> Problem:
    """The problem that a config text describes; see `load`.

    Examples
    --------
    >>> problem = loads('''
    ... grid: {x: {range: [0, 1], points: 11}}
    ... equations: u_t = laplace(u)
    ... initial: {u: sin(pi*x)}
    ... boundary: {u: {x: {dirichlet: 0}}}
    ... time: {end: 0.1}
    ... ''')
    >>> problem.grid.shape
    (11,)
    """
    return build(parse_yaml(text), Path(folder), overrides, python=python)


def build(source: YamlSource, folder: Path, overrides: Sequence[str] = (), *, python: bool = True) -> Problem:
    """Build the problem of a parsed config, whose relative paths start at `folder`."""
    source.folder = folder
    for assignment in overrides:
        override(source, assignment)
    model = validate(source)
    if model.problem is not None and not python:
        raise source.error(
            ("problem",),
            f"names a Python file, {model.problem!r}, which would be run; that was refused (--no-python, python=False)",
        )
    builder = _Builder(source, model, folder)
    try:
        return builder.changed(_python_problem(model.problem, folder, source)) if model.problem else builder.problem()
    except PdekitError as error:
        path = parts(error.key)
        raise error.under("", source.place(path if path[0] in source.data else ())) from None


class _Builder:
    """Turns the sections of a validated config into the parts of a problem."""

    def __init__(self, source: YamlSource, model: ConfigModel, folder: Path) -> None:
        self.source, self.model, self.folder = source, model, folder
        self.declared: DeclaredUnits | None = None

    def problem(self) -> Problem:
        """A problem from its equations."""
        model = self.model
        for key in ("grid", "equations"):
            if not getattr(model, key):
                raise ConfigError("missing", key=key)
        pde = PDE(
            model.equations or (),
            parameters=self.all_data("parameters", model.parameters),
            definitions={n: str(t) for n, t in model.definitions.items()},
            unknowns=model.unknowns,
            scalars=model.scalars or (),
            sources=model.sources,
            reach=model.reach,
        )
        units = model.units
        if units:
            self.declared = self._declared(units, pde, {n: a.unit or "" for n, a in (model.grid or {}).items()}, {})
            pde, units = self.declared.pde, {n: u.text for n, u in self.declared.units.items()}
        self.values = pde.parameter_values(list(model.grid or {}))
        axes = {name: self.axis(name, section) for name, section in (model.grid or {}).items()}
        try:
            grid = Grid(axes, coordinates=model.coordinates or "cartesian")
        except PdekitError as error:
            raise error.under("grid") from None
        order = model.discretization.order if model.discretization else 2
        schemes = model.discretization.schemes if model.discretization else {}
        words: dict[str, Any] = {"order": order, "schemes": schemes, "units": units}
        words |= model.discretization.of_shocks if model.discretization else {}
        return Problem(pde, grid, **words, **self.settings(None), **self.data(None))

    def changed(self, base: Problem) -> Problem:
        """A Python problem with the keys of the config merged on top."""
        model = self.model
        if model.equations or model.definitions or model.unknowns or model.scalars or model.coordinates:
            raise ConfigError(
                "a Python problem brings its own equations, definitions, unknowns, scalars and coordinates; leave them out",
                key="problem",
            )
        parameters = self.all_data("parameters", model.parameters)
        pde = base.pde.with_parameters(**parameters) if parameters else base.pde
        units = {**base.units, **model.units}
        if units:
            self.declared = self._declared(units, pde, dict.fromkeys(base.grid.names, ""), base.labels)
            pde, units = self.declared.pde, {n: u.text for n, u in self.declared.units.items()}
        self.values = pde.parameter_values(base.grid.names)
        for name in model.grid or {}:
            if name not in base.grid.names:
                hint = nearest_hint(name, base.grid.names)
                raise self.source.error(("grid", name), f"no such axis; the problem has {list(base.grid.names)}{hint}")
        axes = {name: self.axis(name, section, base.grid[name]) for name, section in (model.grid or {}).items()}
        section = model.discretization
        order = section.order if section and "order" in section.model_fields_set else base.order
        schemes = {**base.schemes, **(section.schemes if section else {})}
        return base.replace(
            pde=pde,
            grid=base.grid.replace(**axes),
            order=order,
            schemes=schemes,
            units=units,
            **(section.of_shocks if section else {}),
            **self.settings(base),
            **self.data(base),
        )

    def _declared(
        self, units: Mapping[str, Any], pde: PDE, axes: Mapping[str, str], labels: Mapping[str, Any]
    ) -> DeclaredUnits:
        """The units that are given, and the equations with their numbers in them."""
        own = {name: section.model_dump(exclude_none=True) for name, section in self.model.labels.items()}
        return declare(units, pde, axes, {**labels, **own})

    def number(self, value: Any, path: KeyPath, name: str = "") -> Any:
        """A number, or an expression of parameters; or, of a coordinate or t by its `name`, a text such as ``10 cm``."""
        if not isinstance(value, str):
            return value
        if self.declared is not None and name:
            value = self.declared.number_of(name, value, spell(path))
            if not isinstance(value, str):
                return value
        names = {name: sp.Symbol(name) for name in self.values}
        try:
            result = evaluate_number(parse(value, Scope(names)), {names[n]: v for n, v in self.values.items()})
        except PdekitError as error:
            raise error.under(spell(path)) from None
        if isinstance(result, complex):
            raise self.source.error(path, f"expected a real number, found {value!r}")
        return result

    def all_data(self, section: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The data of a section by name: numbers and expressions, lists as arrays, files and tables."""
        found = {}
        for name, value in given.items():
            if isinstance(value, FileSection | TableSection):
                found[name] = data_in_file(value, self.folder)
            else:
                found[name] = self.array(value, (section, name)) if isinstance(value, list) else value
        return found

    def array(self, values: list[Any], path: KeyPath) -> Any:
        """An array of numbers, or of complex ones as texts."""
        try:
            found = np.array(values)
            return found if found.dtype.kind in "biuf" else np.array(values, dtype=complex)
        except (TypeError, ValueError):
            raise self.source.error(path, "a list must hold numbers, as many in every row") from None

    def axis(self, name: str, section: AxisSection, base: Axis | None = None) -> Axis:
        """One axis; keys that are not given are those of `base`."""
        path: KeyPath = ("grid", name)
        given = section.model_dump(exclude_none=True)
        ends = [self.number(v, (*path, "range"), name) for v in given.pop("range", [])]
        if "absorbing_layer" in given:
            widths, where = given["absorbing_layer"], (*path, "absorbing_layer")
            named = widths if isinstance(widths, dict) else dict.fromkeys(SIDES, widths)
            given["absorbing_layer"] = {end: self.number(width, where, name) for end, width in named.items()}
        try:
            if base is not None and set(given) <= {"points"} and not ends:
                return base.with_points(given["points"]) if given else base
            if base is not None and "nodes" not in given:
                ends = ends or [base.left, base.right]
                layers = dict(zip(SIDES, base.absorbing_layer))
                given = {"points": base.size, "periodic": base.periodic, "absorbing_layer": layers, **given}
            if "nodes" in given and not given.get("periodic"):
                return Axis(*ends, **given)
            if not ends:
                raise ConfigError("range is missing")
            if "nodes" not in given and "points" not in given:
                raise ConfigError("points is missing")
            return Axis(*ends, **given)
        except PdekitError as error:
            raise error.under(spell(path)) from None

    def settings(self, base: Problem | None) -> dict[str, Any]:
        """Title, constraints, time, output and convergence."""
        model = self.model
        sections = {
            "time": (TimeSettings, base.time if base else TimeSettings(), model.time),
            "output": (OutputSettings, base.output if base else OutputSettings(), model.output),
            "convergence": (
                ConvergenceSettings,
                base.convergence if base else ConvergenceSettings(),
                model.convergence,
            ),
            "stop": (StopSettings, base.stop if base else StopSettings(), model.stop),
        }
        made: dict[str, Any] = {"title": model.title or (base.title if base else "")}
        made["constraints"] = model.constraints or (base.constraints if base else ())
        made["projections"] = {**(base.projections if base else {}), **self.projections()}
        for key, (kind, old, section) in sections.items():
            values, hints = dict(vars(old)), get_type_hints(kind)
            given: dict[str, Any] = section.model_dump(exclude_none=True) if section else {}
            if key == "output" and given.keys() & {*RULES}:
                values |= dict.fromkeys(RULES)  # of a problem that is changed
            for name, value in given.items():
                path: KeyPath = (key, name)
                if isinstance(value, list) and str in get_args(get_args(hints[name])[0]):
                    values[name] = tuple(value)
                elif isinstance(value, list):
                    of = "t" if path in IN_TIME else ""
                    values[name] = tuple(self.number(v, (*path, i), of) for i, v in enumerate(value))
                else:
                    numeric = float in (hints[name], *get_args(hints[name])) and str not in get_args(hints[name])
                    values[name] = self.number(value, path, "t" if path in IN_TIME else "") if numeric else value
            made[key] = kind(**values)
        return made

    def projections(self) -> dict[str, tuple[float, ...]]:
        """Bounds with the times at which they are kept."""
        found = {}
        for text, given in self.model.projections.items():
            times = given if isinstance(given, list) else [given]
            found[text] = tuple(self.number(t, ("projections", text, k), "t") for k, t in enumerate(times))
        return found

    def interfaces(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The planes of one unknown, by axis."""

        def plane(section: InterfaceSection, path: KeyPath, axis: str) -> Interface:
            at = self.number(section.at, (*path, "at"), axis)
            return Interface(at, **{n: getattr(section, n) for n in ("resistance", "jump", "flux_jump")})

        found: dict[str, Any] = {}
        for axis, entry in given.items():
            path: KeyPath = ("interfaces", name, axis)
            found[axis] = (
                [plane(one, (*path, k), axis) for k, one in enumerate(entry)]
                if isinstance(entry, list)
                else plane(entry, path, axis)
            )
        return found

    def data(self, base: Problem | None) -> dict[str, Any]:
        """Initial state, boundary conditions, exact solution, labels."""
        model = self.model
        initial: Any = dict(base.initial) if base else {}
        if set(model.initial) == {"file"} and isinstance(model.initial["file"], str):  # all variables of a results file
            initial = data_in_file(FileSection(file=model.initial["file"]), self.folder)
        else:
            initial |= self.all_data("initial", model.initial)
        boundary: dict[str, Any] = {n: dict(a) for n, a in base.boundary.items()} if base else {}
        for name, axes in boundary_from(model.boundary, self.source).items():
            boundary[name] = {**boundary.get(name, {}), **axes}
        interfaces: dict[str, Any] = {n: dict(a) for n, a in base.interfaces.items()} if base else {}
        for name, planes in model.interfaces.items():
            interfaces[name] = {**interfaces.get(name, {}), **self.interfaces(name, planes)}
        exact = {**(base.exact if base else {}), **{n: str(v) for n, v in model.exact.items()}}
        labels = {
            **(base.labels if base else {}),
            **{n: s.model_dump(exclude_none=True) for n, s in model.labels.items()},
        }
        return {
            "initial": initial,
            "boundary": boundary,
            "interfaces": interfaces,
            "exact": exact,
            "labels": labels,
            "domain": self.domain(base),
            "regions": {**(base.regions if base else {}), **{n: self.region(n, e) for n, e in model.regions.items()}},
        }

    def region(self, name: str, ends: Mapping[str, list[Any]]) -> dict[str, tuple[Any, ...]]:
        """Between which coordinates an unknown lives, by axis; how many there are is checked with the grid."""
        path = ("regions", name)
        return {
            axis: tuple(self.number(end, (*path, axis, k), axis) for k, end in enumerate(pair))
            for axis, pair in ends.items()
        }

    def domain(self, base: Problem | None) -> Any:
        """An inequality as it stands, masks as arrays."""
        given = self.model.domain
        if given is None:
            return base.domain if base else None
        if isinstance(given, FileSection):
            return data_in_file(given, self.folder)
        return self.array(given, ("domain",)) if isinstance(given, list) else given


def _python_problem(reference: str, folder: Path, source: YamlSource) -> Problem:
    """The problem ``path.py:name``, a Problem or a function that makes one."""
    file, colon, name = reference.rpartition(":")
    where: KeyPath = ("problem",)
    if not colon or not name.isidentifier():
        raise source.error(where, f"expected path.py:name, found {reference!r}")
    path = (folder / file).resolve()
    if not path.is_file():
        raise source.error(where, f"no such file: {path}")
    spec = importlib.util.spec_from_file_location(f"pdekit_problem_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise source.error(where, f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except PdekitError:
        raise
    except Exception as error:
        raise source.error(where, f"{path.name} failed: {type(error).__name__}: {error}") from None
    made = getattr(module, name, None)
    if made is None:
        known = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == spec.name]
        raise source.error(where, f"{path.name} has no {name!r}; it has {', '.join(known)}")
    problem = made() if callable(made) else made
    if not isinstance(problem, Problem):
        raise source.error(where, f"{reference} is not a Problem but a {type(problem).__name__}")
    return problem
