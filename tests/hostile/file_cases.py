"""Damaged results files: bits and blocks, truncation, wrong attributes, wrong data sets; for every command that reads one."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from click.testing import CliRunner

import pdekit as pk
from pdekit.cli.commands import BAD_INPUT, main
from tests.hostile.trial import Case

RUN = "import os; os.system('touch HACKED')"
TEXTS = [
    *(
        "",
        " ",
        "null",
        "[]",
        "{}",
        "1",
        "-1",
        "NaN",
        "1e999",
        '"x"',
        '["x"]',
        '{"x": 1}',
        '{"u": "1/0"}',
        '{"u": [1]}',
        '["u", "u"]',
        '["q"]',
    ),
    *(
        '["t"]',
        '["x", "y"]',
        '["../x"]',
        "[" * 100_000,
        "{" * 50,
        "9" * 5000,
        "é",
        "\ud7ff",
        "polar",
        "spherical",
        "complete",
        "running",
    ),
    *(
        "problem: run.py:problem",
        f"problem: {RUN}",
        "a: &a [*a]",
        "grid: {x: {range: [0, 1], points: 1000000000}}\nequations: u_t = u_xx",
    ),
    *(
        '{"t": 0.1}',
        '{"t": "x", "method": 1, "h": null, "error": [], "statistics": 1, "notes": 3, "is_watched": 0}',
        '{"steps": "x"}',
    ),
    '{"t": 0.1, "method": "euler", "h": -1, "error": 1, "statistics": {}, "notes": [], "is_watched": true}',
]
ODD: list[Any] = [
    0,
    -1,
    1e300,
    np.nan,
    np.inf,
    True,
    np.arange(3),
    np.zeros((2, 2)),
    np.bytes_(b"\xff\xfe"),
    np.void(b"abc"),
    [b"a", b"b"],
    h5py.Empty("f"),
]
SHAPES = [(), (0,), (1,), (3,), (3, 3), (2, 3, 4), (0, 0)]


def bases(folder: Path) -> list[Path]:
    """Results of each kind: in time with series and checkpoints, on a disc, steady, complex, and one that was cut off."""
    rod = pk.Problem(
        pk.PDE("u_t = D*u_xx", parameters={"D": 0.1}),
        pk.Grid(x=pk.Axis(0, 1, 9, unit="m", long_name="position")),
        initial={"u": "sin(pi*x)"},
        boundary={"u": {"x": pk.Dirichlet(0)}},
        exact={"u": "exp(-D*pi**2*t)*sin(pi*x)"},
        time=pk.TimeSettings(end=0.2, method="rk4", step=0.01),
        output=pk.OutputSettings(frames=4, checkpoints=True, series={"heat": "integral(u)"}),
    )
    disc = pk.Problem(
        pk.PDE(["u_t = laplace(u) - v", "v_t = u"]),
        pk.Grid(r=pk.Axis(0, 1, 5), phi=pk.Axis(0, 2 * np.pi, 8, periodic=True), coordinates="polar"),
        initial={"u": "1 - r**2", "v": 0},
        boundary={"u": {"r": pk.Dirichlet(0)}},
        time=pk.TimeSettings(end=0.1),
        output=pk.OutputSettings(frames=3),
    )
    steady = pk.Problem(pk.PDE("0 = u_xx + 1"), pk.Grid(x=pk.Axis(0, 1, 9)), boundary={"u": {"x": pk.Dirichlet(0)}})
    wave = pk.Problem(
        pk.PDE("psi_t = I*psi_xx"),
        pk.Grid(x=pk.Axis(0, 1, 8, periodic=True)),
        initial={"psi": "exp(2*pi*I*x)"},
        time=pk.TimeSettings(end=0.01),
    )
    made = []
    for name, problem in (("rod", rod), ("disc", disc), ("steady", steady), ("wave", wave)):
        made.append(folder / f"{name}.h5")
        problem.solve(output=made[-1])
    made.append(folder / "cut.h5")
    shutil.copy(made[0], made[-1])
    with h5py.File(made[-1], "r+") as file:
        file.attrs["status"] = np.bytes_(b"running")
        file["t"].resize(3, axis=0)
    return made


# --- damages: each changes a file in place


def flipped(path: Path, rng: random.Random) -> str:
    data = bytearray(path.read_bytes())
    count = rng.choice([1, 1, 1, 4, 64])
    for _ in range(count):
        at = rng.randrange(rng.choice([64, 4096, len(data)]))
        data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return f"{count} bits flipped"


def cut(path: Path, rng: random.Random) -> str:
    data = path.read_bytes()
    size = rng.choice([0, 1, 7, 8, 40, 48, 100, len(data) // 2, len(data) - 1, rng.randrange(len(data))])
    path.write_bytes(data[:size])
    return f"cut to {size} bytes"


def blotted(path: Path, rng: random.Random) -> str:
    data = bytearray(path.read_bytes())
    at, size = rng.randrange(len(data)), rng.choice([1, 8, 64, 512, 4096])
    kind = rng.choice(["zeros", "ones", "noise", "moved"])
    size = min(size, len(data) - at)
    other = rng.randrange(len(data) - size + 1)
    blocks = {
        "zeros": bytes(size),
        "ones": b"\xff" * size,
        "noise": rng.randbytes(size),
        "moved": data[other : other + size],
    }
    data[at : at + size] = blocks[kind]
    path.write_bytes(data)
    return f"{size} bytes of {kind} at {at}"


def other_attribute(path: Path, rng: random.Random) -> str:
    with h5py.File(path, "r+") as file:
        owner = rng.choice([file, file, file, *(d for d in file.values() if isinstance(d, h5py.Dataset))])
        name = rng.choice(
            [n for n in owner.attrs if n not in ("REFERENCE_LIST", "DIMENSION_LIST", "CLASS", "NAME")] or ["units"]
        )
        kind = rng.choice(["deleted", "text", "text", "odd"])
        value: Any = None
        if name in owner.attrs:
            del owner.attrs[name]
        if kind == "text":
            value = rng.choice(TEXTS)
        elif kind == "odd":
            value = rng.choice(ODD)
        if value is not None:
            owner.attrs[name] = value
    return f"attribute {name} of {owner!r} is {str(value)[:200]!r}"


def other_data(path: Path, rng: random.Random) -> str:
    with h5py.File(path, "r+") as file:
        names = [n for n in file if n != "series"]
        name = rng.choice(names)
        kind = rng.choice(["deleted", "group", "shape", "text", "vast", "values", "loop", "outside", "object"])
        old = file[name][()] if isinstance(file[name], h5py.Dataset) else np.zeros(3)
        del file[name]
        if kind == "group":
            file.create_group(name)
        elif kind == "shape":
            file[name] = np.zeros(rng.choice(SHAPES))
        elif kind == "text":
            file[name] = ["a", "b"]
        elif kind == "vast":
            file.create_dataset(name, (10**7, 10**6) if rng.random() < 0.5 else (10**12,), chunks=True, dtype=float)
        elif kind == "values":
            values = np.array(old)
            if values.size:
                values.flat[rng.randrange(values.size)] = rng.choice([np.nan, np.inf, -1e308, 1e308, 0])
            file[name] = values[..., ::-1] if rng.random() < 0.3 and values.ndim else values
        elif kind == "loop":
            file[name] = h5py.SoftLink(f"/{name}")
        elif kind == "outside":
            file[name] = h5py.ExternalLink(rng.choice(["/dev/zero", "/etc/passwd", path.name, "none.h5"]), f"/{name}")
        elif kind == "object":
            file.create_dataset(name, (3,), dtype=h5py.ref_dtype)
    return f"data {name}: {kind}"


def other_group(path: Path, rng: random.Random) -> str:
    with h5py.File(path, "r+") as file:
        if "series" in file:
            del file["series"]
        kind = rng.choice(["data", "empty", "ragged", "deep", "text"])
        if kind == "data":
            file["series"] = np.zeros(3)
        elif kind == "empty":
            file.create_group("series")
        elif kind == "ragged":
            file["series/t"], file["series/a"] = np.arange(3.0), np.arange(5.0)
        elif kind == "deep":
            file["series/a/b/c"] = 1
        else:
            file["series/t"], file["series/a"] = ["a", "b"], np.zeros((2, 2))
    return f"series: {kind}"


DAMAGES: list[Callable[[Path, random.Random], str]] = [
    flipped,
    flipped,
    cut,
    blotted,
    other_attribute,
    other_attribute,
    other_data,
    other_group,
]
COMMANDS: dict[str, tuple[str, ...]] = {
    "info": ("info", "FILE"),
    "plot": ("plot", "FILE", "-o", "out.png"),
    "movie": ("plot", "FILE", "-o", "out.gif"),
    "resume": ("resume", "FILE", "--until", "0.25"),
    "csv": ("export", "FILE", "-o", "out.csv", "-f"),
    "npz": ("export", "FILE", "-o", "out.npz", "-f"),
    "vtkhdf": ("export", "FILE", "-o", "out.vtkhdf", "-f"),
    "nc": ("export", "FILE", "-o", "out.nc", "-f"),
}


def _opened(path: Path) -> None:
    """In Python, without the command line's net below."""
    solution = pk.open_result(path)
    for name in solution.variables:
        float(abs(solution[name].values).max())
    solution.errors()
    solution.to_xarray()
    str(solution)


def _told(words: tuple[str, ...], path: Path) -> None:
    before = path.read_bytes()
    result = CliRunner().invoke(main, [str(path) if word == "FILE" else word for word in words])
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    if result.exit_code not in (0, BAD_INPUT) or "Traceback" in result.output:
        raise AssertionError(f"exit code {result.exit_code}: {result.output[-500:]}")
    if Path("HACKED").exists():
        raise AssertionError("executed")
    if result.exit_code == BAD_INPUT:
        if not result.output.startswith("error: ") or len(result.output) > 3000:
            raise AssertionError(f"not one clear message: {result.output[:500]}")
        if words[0] != "resume" and path.read_bytes() != before:
            raise AssertionError("the file was changed")


def cases(count: int, start: int) -> Iterator[Case]:
    """Every damaged file goes through a command, all commands in turn, and is opened in Python."""
    rng = random.Random(start)
    folder = Path(tempfile.mkdtemp())
    os.chdir(folder)
    (folder / "run.py").write_text(RUN)
    made = bases(folder)
    os.environ["PDEKIT_TRACEBACK"] = "1"
    for number in range(count):
        base = made[number % len(made)]
        path = folder / f"case{number % 7}.h5"
        for left in folder.glob(f".{path.name}*"):
            left.unlink()
        shutil.copy(base, path)
        what = rng.choice(DAMAGES)(path, rng)
        command = list(COMMANDS)[number // len(made) % len(COMMANDS)]
        if number % 9 == 8:
            yield Case(f"{number}: {base.stem}, {what}, in Python", lambda path=path: _opened(path))
        else:
            yield Case(
                f"{number}: {base.stem}, {what}, {command}", lambda path=path, c=command: _told(COMMANDS[c], path)
            )
