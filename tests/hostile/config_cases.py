"""Hostile configs: every key path of every shipped config with values of every kind, keys changed, texts damaged."""

from __future__ import annotations

import copy
import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pdekit.cli.report import describe
from pdekit.io.load import loads
from tests.hostile.corpus import config_texts, expressions
from tests.hostile.expression_cases import mutated
from tests.hostile.trial import Case

FOLDER = Path(__file__).parents[2] / "configs"
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 0.5, -0.0, 1e-300, 1e300, 1e308, float("nan"), float("inf"), float("-inf")),
    *(
        10**9,
        10**12,
        2**31,
        2**32,
        2**63,
        2**64,
        10**400,
        -(10**18),
        5e-324,
        "",
        " ",
        "0",
        "1",
        "1e9",
        "1e400",
        "10**10**10",
    ),
    *(
        "nan",
        "inf",
        ".inf",
        "x",
        "u",
        "t",
        "laplace(u)",
        "u_t = u",
        "u_t = ",
        "= u",
        "0 = 0",
        "é",
        "𝒖",
        "\u202e",
        "\x07",
        "a" * 3000,
    ),
    *(
        "9" * 5000,
        "(" * 300 + "u" + ")" * 300,
        "../../../../etc/passwd",
        "/dev/zero",
        "/dev/stdin",
        "/proc/self/mem",
        ".",
        "os:system",
    ),
    *(
        "__import__('os').system('touch HACKED')",
        "heat.py:rod",
        "u.__class__",
        "outflow",
        "auto",
        "direct",
        "rk4",
        "BDF",
        "step",
    ),
    *(
        [],
        [1],
        [0, 1],
        [1, 0],
        [0, 0],
        [0, 1e-320],
        [0, 1e308],
        [-1e308, 1e308],
        ["x", "y"],
        [[1, 2], [3]],
        [None],
        [[[[]]]],
    ),
    *(
        {},
        {"a": 1},
        {"file": "x"},
        {"file": "/dev/zero", "variable": "u"},
        {"table": "a", "x": "b", "y": "c"},
        {"dirichlet": None},
    ),
    *(
        {"dirichlet": "1/0"},
        {"neumann": [1, 2, 3]},
        {"robin": {"a": 0, "b": 0}},
        {"combination": {"coefficients": [0] * 50}},
    ),
    *(
        {"pole": "odd"},
        {"absorbing": 0},
        {"left": "outflow", "right": "outflow"},
        [{"dirichlet": 0}, {"dirichlet": 1}],
        {"tanh": 1e9},
    ),
    *(
        {"range": [0, 1], "points": 5},
        {"range": ["a", "b"], "points": 5},
        {"nodes": [0, 1, 2]},
        {"x": {"x": {"x": {}}}},
        {"power": 1e300},
    ),
]
NUMBERS: list[Any] = [v for v in VALUES if isinstance(v, int | float)] + [
    1e-9,
    4,
    6,
    8,
    100,
    1000,
    2.5,
    -2.5,
    "2*pi",
    "1e9",
    "1/3",
]
# Keys that no shipped config need have, with values that are at least of the right type.
ADDED: list[tuple[tuple[str, ...], list[Any]]] = [
    (
        ("time", "method"),
        ["euler", "rk4", "BDF", "Radau", "verlet", "newmark", "crank_nicolson", "rkc2", "imex", "strang", "etdrk4", ""],
    ),
    *(
        (("time", key), NUMBERS)
        for key in ("end", "start", "step", "rtol", "atol", "max_step", "seed", "path_step", "samples")
    ),
    (("time", "solver"), ["direct", "banded", "separable", "krylov", "multigrid", "sparse_lu", "none"]),
    (("time", "implicit"), [["laplace(u)"], ["u_xx"], ["u"], [""], ["1/0"], []]),
    (("time", "precision"), ["single", "double"]),
    (("discretization", "order"), [2, 4, 6, 8]),
    (("discretization", "advection"), ["upwind", "muscl", "weno5"]),
    (
        ("discretization", "schemes"),
        [
            {"u_x": "upwind"},
            {"u_xx": "compact"},
            {"u_x": {"upwind": 99}},
            {"u_xx": "fourier"},
            {"q_x": "sbp"},
            {"": ""},
        ],
    ),
    *((("output", key), NUMBERS) for key in ("every", "frames")),
    (("output", "times"), [NUMBERS, [0.1, 0.1], [1e-300, 1e300], []]),
    (
        ("output", "series"),
        [
            {"a": "integral(u)"},
            {"a": "max(u)**1000"},
            {"t": "1"},
            {"a": "u(9)"},
            {"a": "at(u, 1/0)"},
            {"a": "face(u, x, up)"},
        ],
    ),
    (("stop", "when"), ["max(u) > 1", "u > 1", "1 > 0 > 1", ">", "max(u) > max(u)**max(u)"]),
    *((("stop", key), [*NUMBERS, "1h", "1e9h"]) for key in ("steady", "wall")),
    (("convergence", "points"), [[3, 5], [2, 2], NUMBERS[:6], [10**9, 10**10]]),
    (("convergence", "steps"), [[0.1, 0.05], [0, 0], NUMBERS[:9]]),
    *((("convergence", key), NUMBERS) for key in ("expect", "tolerance")),
    *((("grid", axis, "points"), NUMBERS) for axis in ("x", "y", "r")),
    *(
        (("grid", "x", "range"), [[a, b] for a in (0, -1e308, "pi", 5e-324) for b in (1, 1e308, "1e999", 1e-320)])
        for _ in range(2)
    ),
    (
        ("grid", "x", "spacing"),
        [{"tanh": v} for v in NUMBERS]
        + [{"geometric": v, "toward": "left"} for v in NUMBERS]
        + [{"power": 99}, "chebyshev"],
    ),
    (("grid", "x", "nodes"), [[0, 1, 2, 3], [0, 5e-324, 1, 2], list(range(50)), [3, 2, 1], [0, 0.1, 1e308]]),
    (("grid", "x", "periodic"), [True, False]),
    (("grid", "x", "offset"), ["left", "right", "both"]),
    (("coordinates",), ["polar", "cylindrical", "spherical", "cartesian"]),
    (("reach",), NUMBERS),
    (("unknowns",), [["u"], ["u", "v"], ["u", "u"], [""], ["x"]]),
    (("sources", "u"), ["1", "1/x", "u**2", "noise(1)", "where(x > t, u, 1)", "d(u, x)"]),
    (("definitions", "w"), ["u**2", "w", "[1, 2]", "laplace(u)", "where(u > 1, u, x)", "exp(exp(exp(exp(9))))"]),
    (
        ("parameters", "D"),
        [
            *NUMBERS,
            "x",
            "1 + t",
            "gamma(1e9)",
            [1, 2, 3],
            {"file": "heat_rod.yaml"},
            {"table": "a.csv", "x": "x", "y": "y"},
            "1 + 2j",
        ],
    ),
    (
        ("boundary", "u", "x"),
        [
            {k: v}
            for k in ("dirichlet", "neumann", "curvature", "absorbing")
            for v in ("t", "u", "1/u", "u_x", 1e308, "exp(1/t)", [1, 2])
        ],
    ),
    (("labels", "u"), [{"units": "\x1b[31m"}, {"long_name": "$\\frac{$"}, {"long_name": "a" * 9999}]),
]
KEYS = [
    "x",
    "y",
    "t",
    "u",
    "u_t",
    "pi",
    "e",
    "lambda",
    "é",
    "a b",
    "",
    "0",
    "-",
    "__init__",
    "range",
    "nodes",
    "noise",
    "r",
    "phi",
    "left",
]
PIECES = [
    *(
        "*a",
        "&a ",
        "<<: *a\n",
        "!!python/object/apply:os.system ['touch HACKED']",
        "!!python/name:os.system",
        "!!binary aGk=",
        "!!set {a}",
    ),
    *(
        "!!timestamp 2001-01-01",
        "2001-01-01",
        "!!float 'x'",
        "!u ",
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "? ",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
    ),
    *(
        "|\n  x",
        ">-\n x",
        "'",
        '"',
        "#",
        "\t",
        "\n",
        "\r\n",
        "\u2028",
        "\ufeff",
        "\x00",
        "\x85",
        "@",
        "`",
        "~",
        "0o17",
        "0b1",
        "1_000",
        "1:30:00",
    ),
    *(
        "{" * 60,
        "[" * 2000,
        "- " * 500,
        "a: " * 100,
        "? " * 300,
        "!!omap [a: 1]",
        "=",
        "<<",
        "9" * 5000,
        "1e99999",
        "-.inf",
        ".NaN",
    ),
]
BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{n}: &{n} [{', '.join(['*' + p] * 10)}]\n" for p, n in zip("abcdefgh", "bcdefghi")
)


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All key paths of plain data, the whole apart."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from paths(value, (*path, key))


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def changed(data: dict[str, Any], path: tuple[Any, ...], rng: random.Random) -> dict[str, Any]:
    """One thing is done at a key path: another value, another key, a key more, none."""
    data = copy.deepcopy(data)
    above, key = _at(data, path[:-1]), path[-1]
    kind = rng.choice(
        ["like", "like", "like", "added", "added", "added", "value", "expression", "key", "more", "less", "elsewhere"]
    )
    if kind == "value":
        above[key] = copy.deepcopy(rng.choice(VALUES))
    elif kind == "added":
        for _ in range(rng.randint(1, 2)):
            _add(data, *rng.choice(ADDED), rng)
    elif kind == "like" and isinstance(above[key], str):
        above[key] = mutated(rng, above[key])
    elif kind == "like":
        above[key] = copy.deepcopy(rng.choice(NUMBERS))
    elif kind == "expression":
        above[key] = rng.choice(expressions())
    elif kind == "key" and isinstance(above, dict):
        above[rng.choice(KEYS)] = above.pop(key)
    elif kind == "more" and isinstance(above, dict):
        above[rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
    elif kind == "less":
        del above[key]
    else:
        above[key] = copy.deepcopy(_at(data, rng.choice(list(paths(data)))))
    return data


def _add(data: dict[str, Any], path: tuple[str, ...], values: list[Any], rng: random.Random) -> None:
    """A value at a key path, where the way there is mappings."""
    for key in path[:-1]:
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            return
    data[path[-1]] = copy.deepcopy(rng.choice(values))


def damaged(text: str, rng: random.Random) -> str:
    """A text with pieces of YAML where they do not belong, cut, or with a line twice."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        kind = rng.choice(["piece", "piece", "cut", "twice", "byte"])
        if kind == "piece":
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind == "cut":
            text = text[:at] + text[min(len(text), at + rng.randint(1, 60)) :]
        elif kind == "twice":
            lines = text.splitlines(keepends=True) or [""]
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            text = "".join(lines)
        else:
            text = text[:at] + chr(rng.randrange(1, 0x2100)) + text[at + 1 :]
    return text


def _small(data: dict[str, Any]) -> dict[str, Any]:
    """Fewer nodes, so that thousands can be tried."""
    for axis in data.get("grid", {}).values():
        if isinstance(axis, dict) and isinstance(axis.get("points"), int):
            axis["points"] = min(axis["points"], 16)
    return data


def _tried(text: str, overrides: Sequence[str] = ()) -> None:
    describe(loads(text, FOLDER, overrides))


def _override(path: tuple[Any, ...], rng: random.Random) -> str:
    """``key.path=value``, with keys and values of all kinds."""
    keys = [*map(str, path)]
    if rng.random() < 0.3:
        keys[rng.randrange(len(keys))] = rng.choice([*KEYS, "[0]", "x[0]", "x[9]", "a.b", "x]"])
    values = [str(rng.choice(VALUES))[:6000], rng.choice(PIECES), rng.choice(PIECES) + str(rng.choice(VALUES))[:50]]
    return ".".join(keys) + rng.choice(["=", "=", "=", "", "==", " = "]) + rng.choice(values)


def _dumped(data: Any) -> str:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(data, stream)
    return stream.getvalue()


def cases(count: int, start: int) -> Iterator[Case]:
    """First the key paths of all configs in turn, each by a change of its own, with damaged texts between."""
    rng = random.Random(start)
    plain = [(name, _small(YAML(typ="safe", pure=True).load(text))) for name, text in config_texts()]
    todo: list[tuple[int, tuple[Any, ...]]] = []
    yield Case("bomb", lambda: _tried(BOMB))
    for number in range(1, count):
        if not todo:
            todo = [(k, path) for k, (_, data) in enumerate(plain) for path in paths(data)]
            rng.shuffle(todo)
        k, path = todo.pop()
        name, data = plain[k]
        if number % 5 == 4:
            text, given = _dumped(data), _override(path, rng)
            yield Case(f"{name} {number}: {given}", lambda text=text, given=given: _tried(text, [given]))
            continue
        text = _dumped(changed(data, path, rng)) if number % 4 else damaged(_dumped(data), rng)
        yield Case(f"{name} {number}\n{text}", lambda text=text: _tried(text))


WRONG: list[Any] = [None, True, -1, 0.5, 1e300, "text", "1/0", [], [[1]], ["a", 1], {}, {"a": {"b": 1}}]


def every_path(count: int, start: int) -> Iterator[Case]:
    """Values of every type at every key path of every shipped config; of all of them, `count` spread evenly."""
    plain = [(name, _small(YAML(typ="safe", pure=True).load(text))) for name, text in config_texts()]
    everything = [(k, path, value) for k, (_, data) in enumerate(plain) for path in paths(data) for value in WRONG]
    for k, path, value in everything[start :: max(1, len(everything) // count)]:
        name, data = plain[k]
        data = copy.deepcopy(data)
        _at(data, path[:-1])[path[-1]] = copy.deepcopy(value)
        text = _dumped(data)
        yield Case(f"{name} {path} {value!r}", lambda text=text: _tried(text))
