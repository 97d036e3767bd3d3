"""The shape of a config: which keys there are, of which types. Editors complete from it (`pdekit schema`)."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import types
import typing
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    TypeAdapter,
    ValidationError,
    create_model,
)

from pdekit.errors import ConfigError, nearest_hint
from pdekit.io.yaml_source import Path, YamlSource
from pdekit.settings import ConvergenceSettings, OutputSettings, StopSettings, TimeSettings

Number = StrictInt | StrictFloat
Scalar = StrictInt | StrictFloat | StrictStr  # a number, or an expression


class Section(BaseModel):
    """A mapping with known keys only."""

    model_config = ConfigDict(extra="forbid")


class AxisSection(Section):
    """One axis of the grid."""

    range: Annotated[list[Scalar], Field(min_length=2, max_length=2)] | None = Field(None, description="the two ends")
    points: Annotated[StrictInt, Field(ge=2)] | None = Field(None, description="number of stored nodes")
    periodic: StrictBool | None = Field(
        None, description="whether the axis closes on itself; the end is not stored again"
    )
    nodes: list[Number] | None = Field(None, description="increasing nodes, instead of range and points")
    spacing: StrictStr | dict[StrictStr, Number | StrictStr] | None = Field(
        None, description="uniform, chebyshev, {tanh: s}, {geometric: ratio}, {power: p}; toward: left | right | both"
    )
    offset: Literal["left", "right", "both"] | None = Field(None, description="poles off which given nodes stand")
    absorbing_layer: Scalar | dict[Literal["left", "right"], Scalar] | None = Field(
        None,
        description="width of the layer before the ends, or {left: w, right: w}, in which waves u_tt = ... are absorbed",
    )
    unit: StrictStr | None = None
    long_name: StrictStr | None = None


class FileSection(Section):
    """Data in a file."""

    file: StrictStr
    variable: StrictStr | None = None


class TableSection(Section):
    """A function of one coordinate or of time, by two columns of a file."""

    table: StrictStr
    x: StrictStr
    y: StrictStr
    of: StrictStr | None = Field(
        None, description="what x is: an axis or t; by default the axis of that name, or the time"
    )
    method: Literal["linear", "cubic"] = "linear"


# Members of a union, by tags that no key can have: pydantic puts them into the location of a fault.
DATA_SECTIONS: dict[str, type[Section]] = {"<file>": FileSection, "<table>": TableSection}


def _kind_of_data(value: Any) -> str:
    if isinstance(value, dict):
        return "<table>" if "table" in value else "<file>"
    return "<list>" if isinstance(value, list) else "<scalar>"


Data = Annotated[
    Annotated[Scalar, Tag("<scalar>")]
    | Annotated[list[Any], Tag("<list>")]
    | Annotated[FileSection, Tag("<file>")]
    | Annotated[TableSection, Tag("<table>")],
    Discriminator(_kind_of_data),
]


class DiscretizationSection(Section):
    """How space is discretized."""

    order: Literal[2, 4, 6, 8] = 2
    advection: Literal["auto", "central", "upwind", "muscl", "muscl_minmod", "muscl_van_leer", "weno5", "weno5_js"] = (
        Field(
            "auto",
            description="first derivatives as they stand (central), or as conservative fluxes by a limited scheme",
        )
    )
    splitting: Literal["components", "characteristic"] | None = Field(
        None, description="how limited schemes reconstruct systems; characteristic where auto took the scheme"
    )
    positive: list[StrictStr] | dict[StrictStr, StrictInt | StrictFloat] = Field(
        default_factory=list,
        description="what limited schemes keep positive, [h, p]: unknowns and definitions; {h: 1e-8} says what counts as zero",
    )
    schemes: dict[StrictStr, StrictStr | dict[StrictStr, StrictInt]] = Field(
        default_factory=dict,
        description="by derivative, {u_x: upwind}: upwind, forward, backward, compact, fourier, sbp; {upwind: 5}",
    )

    @property
    def of_shocks(self) -> dict[str, Any]:
        """What is given of limited schemes."""
        given = self.model_fields_set & {"advection", "splitting", "positive"}
        return {name: getattr(self, name) for name in sorted(given)}


def section_of(settings: type) -> Any:
    """The section of a config for settings: the same fields, numbers also as expressions, lists for tuples.

    Examples
    --------
    >>> section_of(OutputSettings).model_validate({"frames": 3, "file": "a.h5"}).frames
    3
    """
    hints, words = get_type_hints(settings), _words_of(settings)
    entries = {
        f.name: (_loosened(hints[f.name]) | None, Field(None, description=words.get(f.name)))
        for f in dataclasses.fields(settings)
    }
    name = settings.__name__.replace("Settings", "Section")
    return create_model(name, __base__=Section, __doc__=(settings.__doc__ or "").split("\n")[0], **entries)  # type: ignore[call-overload]


def _words_of(settings: type) -> dict[str, str]:
    """What the docstring says of each parameter, its default first: for editors, and for the pages."""
    _, _, section = inspect.cleandoc(settings.__doc__ or "").partition("Parameters\n----------\n")
    words: dict[str, str] = {}
    names: list[str] = []
    for line in section.split("\n\n")[0].splitlines():
        if line.startswith(" "):
            words |= {name: f"{words[name]} {line.strip()}".strip() for name in names}
        else:
            head, _, kind = line.partition(" : ")
            names, default = head.split(", "), kind.partition("default ")[2]
            words |= dict.fromkeys(names, f"By default {default}." if default else "")
    return words


def _loosened(hint: Any) -> Any:
    """A type of settings as it is allowed in a config."""
    if get_origin(hint) in (types.UnionType, typing.Union):
        parts = [_loosened(part) for part in get_args(hint) if part is not type(None)]
        return functools.reduce(operator.or_, parts)
    if get_origin(hint) is dict:
        return dict[StrictStr, Scalar]
    if get_origin(hint) is tuple:
        return list[_loosened(get_args(hint)[0])]  # type: ignore[misc]
    known = {float: Scalar, int: StrictInt, str: StrictStr, bool: StrictBool, Any: StrictStr}
    return known.get(hint, hint)


TimeSection, OutputSection, ConvergenceSection, StopSection = map(
    section_of, (TimeSettings, OutputSettings, ConvergenceSettings, StopSettings)
)


class InterfaceSection(Section):
    """A plane across an axis at which an unknown or its flux jumps."""

    at: Scalar = Field(description="where on the axis")
    resistance: Scalar = Field(0, description="the jump of the unknown beside the flux k u_x")
    jump: Scalar = Field(0, description="further jump of the unknown, an expression of the other coordinates and t")
    flux_jump: Scalar = Field(0, description="jump of the flux k u_x; minus the strength of a source on the plane")


class LabelSection(Section):
    """What an unknown is called on plots and in files."""

    units: StrictStr | None = None
    long_name: StrictStr | None = None


class ConfigModel(Section):
    """A pdekit config."""

    title: StrictStr = Field("", description="for pictures and files")
    problem: StrictStr | None = Field(None, description="a Python problem, path.py:name, that the other keys change")
    coordinates: Literal["cartesian", "polar", "cylindrical", "spherical"] | None = Field(
        None, description="what the axes mean; polar: r, phi; cylindrical: r, phi, z; spherical: r, theta, phi"
    )
    grid: dict[StrictStr, AxisSection] | None = Field(None, description="the axes by name, in order")
    parameters: dict[StrictStr, Data] = Field(
        default_factory=dict,
        description="numbers, expressions of parameters, of the coordinates and t, lists, files, tables",
    )
    definitions: dict[StrictStr, Scalar] = Field(default_factory=dict, description="named expressions")
    unknowns: list[StrictStr] | None = Field(None, description="only where the equations do not tell")
    scalars: list[StrictStr] | None = Field(None, description="unknowns that are one number each, not fields")
    equations: list[StrictStr] | StrictStr | None = Field(
        None, description="u_t = ..., u_tt = ..., 0 = ..., one for each unknown"
    )
    sources: dict[StrictStr, Scalar] = Field(default_factory=dict, description="added to right-hand sides, by unknown")
    reach: StrictInt = Field(1, description="of a Python right-hand side: neighbours that it looks at")
    initial: dict[StrictStr, Data] = Field(
        default_factory=dict, description="by unknown, and u_t of u_tt = ...; of steady problems a first guess"
    )
    domain: StrictStr | list[Any] | FileSection | None = Field(
        None,
        description="the part of the box that is the domain, such as x**2 + y**2 < 1; or a list or file of 1 and 0 for every node",
    )
    boundary: dict[StrictStr, dict[StrictStr, Any]] = Field(
        default_factory=dict,
        description="by unknown and axis: a condition for both ends, or left and right; below domain that on its boundary",
    )
    interfaces: dict[StrictStr, dict[StrictStr, InterfaceSection | list[InterfaceSection]]] = Field(
        default_factory=dict, description="by unknown and axis: one plane inside of the domain, or a list of them"
    )
    regions: dict[StrictStr, dict[StrictStr, list[Scalar]]] = Field(
        default_factory=dict,
        description="by unknown and axis: between which nodes it lives, such as {c: {x: [0, 0.3]}}; all of the grid where it is left out",
    )
    exact: dict[StrictStr, Scalar] = Field(
        default_factory=dict, description="the exact solution by unknown, if it is known"
    )
    discretization: DiscretizationSection | None = None
    time: TimeSection | None = None  # type: ignore[valid-type]
    output: OutputSection | None = None  # type: ignore[valid-type]
    convergence: ConvergenceSection | None = None  # type: ignore[valid-type]
    stop: StopSection | None = None  # type: ignore[valid-type]
    constraints: list[StrictStr] | StrictStr | None = Field(None, description="bounds such as u >= 1 - x**2")
    projections: dict[StrictStr, Scalar | list[Scalar]] = Field(
        default_factory=dict, description="bounds such as u >= 1 - x, each with the times at which it is kept"
    )
    labels: dict[StrictStr, LabelSection] = Field(default_factory=dict, description="units and long names of unknowns")
    units: dict[StrictStr, StrictStr | StrictInt] = Field(
        default_factory=dict,
        description="of coordinates, t, unknowns and parameters: {x: m, t: s, D: m**2/s}; all is then checked",
    )


LONGEST_SHOWN = 200

FORMS_OF = {
    "grid": "an axis such as {range: [0, 1], points: 101} or {range: [0, 1], points: 100, periodic: true}",
    "boundary": "conditions by axis, such as {x: {dirichlet: 0}}",
    "regions": "the ends of a region by axis, such as {x: [0, 0.3]}",
    "interfaces": "planes by axis, such as {x: {at: 0.5, resistance: 0.1}}",
}

_WORDS = {
    "missing": "missing",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping of keys",
    "list_type": "expected a list",
    "model_type": "expected a mapping of keys",
    "model_attributes_type": "expected a mapping of keys",
}


def validate(source: YamlSource) -> ConfigModel:
    """Check keys and types.

    Raises
    ------
    ConfigError
        One line per fault, each with file, line, key path, what was found and what is allowed.
    """
    try:
        return ConfigModel.model_validate(source.data)
    except ValidationError as error:
        raise ConfigError("\n".join(map(str, _faults(error, source.data, source, ())))) from None


def data_section(given: dict[str, Any], source: YamlSource, path: Path) -> FileSection | TableSection:
    """Check data in a file at a place whose keys the schema does not know.

    Raises
    ------
    ConfigError
    """
    try:
        return typing.cast(FileSection | TableSection, TypeAdapter(Data).validate_python(given))
    except ValidationError as error:
        raise _faults(error, given, source, path)[0] from None


def _faults(error: ValidationError, data: Any, source: YamlSource, above: Path) -> list[ConfigError]:
    """One error for every place; `above` is where the data stand."""
    faults: dict[Path, list[Any]] = {}
    for fault in error.errors():
        faults.setdefault((*above, *_real_path(fault["loc"], data)), []).append(fault)
    return [source.error(path, _explain(found, path)) for path, found in faults.items()]


def _real_path(loc: tuple[Any, ...], data: Any) -> Path:
    """The part of pydantic's location that is keys of the data: it also names members of unions."""
    path: list[Any] = []
    for part in loc:
        if isinstance(data, dict) and (part in data or part == loc[-1]) and isinstance(part, str):
            known = part in data
            if not known and not _is_key(part):
                continue
            path.append(part)
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            path.append(part)
            data = data[part]
    return tuple(path)


def _is_key(part: str) -> bool:
    return part.isidentifier() and part not in {"int", "float", "str", "bool"}


def _allowed(path: Path, location: tuple[Any, ...]) -> list[str]:
    """Keys that are allowed beside the last one of a path."""
    model: type[BaseModel] | None = ConfigModel
    sections: dict[str, Any] = {
        "grid": AxisSection,
        "labels": LabelSection,
        "interfaces": InterfaceSection,
        "discretization": DiscretizationSection,
        "time": TimeSection,
        "output": OutputSection,
        "convergence": ConvergenceSection,
        "stop": StopSection,
    }
    if len(path) > 1:
        tagged = [DATA_SECTIONS[part] for part in location if part in DATA_SECTIONS]
        model = tagged[0] if tagged else sections.get(str(path[0]))
    return list(model.model_fields) if model else []


def _explain(faults: list[Any], path: Path) -> str:
    """What is wrong at one place; several faults are the members of a union that do not fit."""
    kind, found = faults[0]["type"], faults[0]["input"]
    if kind == "extra_forbidden":
        allowed = _allowed(path, faults[0]["loc"])
        return f"unknown key; allowed are {', '.join(allowed)}{nearest_hint(str(path[-1]), allowed)}"
    if kind == "missing":
        return "missing"
    if kind == "literal_error":
        return f"allowed are {faults[0]['ctx']['expected']}, found {_brief(found)}"
    if found is None:
        return "is empty; inside {...} a comma ends a value: put an expression with commas into quotes, or on a line of its own"
    form = FORMS_OF.get(str(path[0])) if path and len(path) == 2 and not isinstance(found, dict) else None
    if form:
        return f"expected {form}, found {_brief(found)}"
    words = dict.fromkeys(_WORDS.get(f["type"]) or f["msg"][0].lower() + f["msg"][1:] for f in faults)
    expected = " or ".join(dict.fromkeys(w.removeprefix("expected ") for w in words))
    start = "expected " if all(w.startswith("expected ") for w in words) else ""
    return f"{start}{expected}, found {_brief(found)}"


def _brief(found: Any) -> str:
    if isinstance(found, dict):
        return f"a mapping of {', '.join(map(str, found)) or 'nothing'}"[:LONGEST_SHOWN]
    if isinstance(found, list):
        return f"a list of {len(found)}"
    text = repr(found)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ... ({len(text)} characters)"
