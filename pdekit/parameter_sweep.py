"""Many runs of one config with other values: over lists and ranges, or over random samples; and a table of what came out."""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pdekit.errors import ConfigError, PdekitError
from pdekit.io.hdf5_reader import StoredResult, read_result

_CALL = re.compile(r"(\w+)\(([^()]*)\)")
_RANGES: dict[str, Callable[..., Any]] = {
    "linspace": lambda first, last, count: np.linspace(first, last, int(count)),
    "logspace": lambda first, last, count: np.geomspace(first, last, int(count)),  # from one value to another
    "range": lambda first, last, step: np.arange(first, last + 0.5 * step, step),
}
_DISTRIBUTIONS: dict[str, Callable[..., Any]] = {
    "uniform": lambda rng, n, low, high: rng.uniform(low, high, n),
    "loguniform": lambda rng, n, low, high: np.exp(rng.uniform(np.log(low), np.log(high), n)),
    "normal": lambda rng, n, mean, deviation: rng.normal(mean, deviation, n),
}


@dataclass(frozen=True)
class ParameterSweep:
    """The runs of a sweep.

    Parameters
    ----------
    config : Path
    folder : Path
        Where the results go.
    dimensions : dict of str to tuple
        Values by key; of random samples one dimension ``sample``.
    drawn : dict of str to tuple
        The values of the keys that are random, by sample.
    fixed : tuple of str
        Overrides that are the same for all.
    python : bool
        Whether the config may name a Python file.
    """

    config: Path
    folder: Path
    dimensions: dict[str, tuple[Any, ...]]
    drawn: dict[str, tuple[float, ...]] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    python: bool = True

    def points(self) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
        """Indices and values of all runs."""
        names = list(self.dimensions)
        for index in itertools.product(*(range(len(v)) for v in self.dimensions.values())):
            values: dict[str, Any] = {}
            for name, k in zip(names, index):
                if name == SAMPLE and self.drawn:
                    values |= {key: draws[k] for key, draws in self.drawn.items()}
                else:
                    values[name] = self.dimensions[name][k]
            yield index, values

    def file(self, index: Sequence[int], values: Mapping[str, Any]) -> Path:
        """The results file of a run."""
        words = "_".join(f"{key.rpartition('.')[2]}={_spelled(value)}" for key, value in values.items())
        number = "-".join(map(str, index))
        return self.folder / f"{number}_{re.sub(r'[^-+.=_0-9A-Za-z]', '', words)[:80]}.h5"

    def command(self, index: Sequence[int], values: Mapping[str, Any]) -> list[str]:
        """The command of a run."""
        own = [f"{key}={_spelled(value)}" for key, value in values.items()]
        start = [sys.executable, "-m", "pdekit.cli.commands", "run", str(self.config), *self.fixed, *own]
        safe = [] if self.python else ["--no-python"]
        return [*start, *safe, "--output", str(self.file(index, values)), "--force", "--quiet"]


SAMPLE = "sample"


def _spelled(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float) else str(value)


def make_sweep(
    config: Path, assignments: Sequence[str], folder: Path, samples: int | None = None, seed: int | None = None
) -> ParameterSweep:
    """A sweep from assignments ``key=1,2,3``, ``key=linspace(0, 1, 5)``, ``key=logspace(1, 100, 3)``, ``key=range(0, 1, 0.1)``,
    ``key=uniform(0, 1)``, ``key=loguniform(1, 10)``, ``key=normal(1, 0.1)``.

    Raises
    ------
    ConfigError
        Nothing varies; a range or distribution of other arguments; random values without number of samples and seed.

    Examples
    --------
    >>> sweep = make_sweep(Path("rod.yaml"), ["parameters.D=0.1,0.2", "grid.x.points=21,41"], Path("out"))
    >>> [values for _, values in sweep.points()][1]
    {'parameters.D': 0.1, 'grid.x.points': 41}
    """
    dimensions: dict[str, tuple[Any, ...]] = {}
    drawn: dict[str, tuple[float, ...]] = {}
    fixed = []
    rng = None if seed is None else np.random.default_rng(seed)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not text:
            raise ConfigError(f"{assignment!r}: write it as key.path=1,2,3 or key.path=linspace(0, 1, 5)")
        call = _CALL.fullmatch(text.strip())
        if call and call.group(1) in _DISTRIBUTIONS:
            if samples is None or rng is None:
                raise ConfigError(f"{assignment!r}: random values need --samples and --seed")
            drawn[key] = tuple(_called(assignment, _DISTRIBUTIONS[call.group(1)], call.group(2), rng, samples).tolist())
        elif call and call.group(1) in _RANGES:
            dimensions[key] = tuple(_called(assignment, _RANGES[call.group(1)], call.group(2)).tolist())
        elif "," in text and not text.lstrip().startswith(("[", "{", '"', "'")) and "(" not in text:
            dimensions[key] = tuple(_number(part) for part in text.split(","))
        else:
            fixed.append(assignment)
    if drawn:
        dimensions[SAMPLE] = tuple(range(samples or 0))
    if not dimensions:
        raise ConfigError("nothing varies; give a key several values, parameters.D=0.1,0.2,0.4")
    return ParameterSweep(config, folder, dimensions, drawn, tuple(fixed))


def _called(assignment: str, function: Callable[..., Any], text: str, *first: Any) -> Any:
    try:
        return function(*first, *(float(part) for part in text.split(",")))
    except (TypeError, ValueError):
        raise ConfigError(
            f"{assignment!r}: expected linspace(first, last, count), logspace(first, last, count), range(first, last, step), "
            "uniform(low, high), loguniform(low, high) or normal(mean, deviation)"
        ) from None


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


@dataclass(frozen=True)
class Outcome:
    """One run: its values, and the numbers that came out, or why there are none."""

    index: tuple[int, ...]
    values: dict[str, Any]
    status: str
    message: str
    numbers: dict[str, float]


Point = tuple[tuple[int, ...], dict[str, Any]]
ONE_THREAD = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run_point(sweep: ParameterSweep, environment: Mapping[str, str], point: Point) -> Outcome:
    """One run of a sweep, in a process of its own; if its file is complete it is not done again."""
    index, values = point
    path, command = sweep.file(index, values), sweep.command(index, values)
    mark = sweep.folder / ".commands" / f"{path.stem}.json"
    before = json.dumps([command[3:], sweep.config.read_text()])
    if not (path.exists() and mark.exists() and mark.read_text() == before and _is_complete(path)):
        done = subprocess.run(command, capture_output=True, text=True, env=dict(environment), check=False)
        if done.returncode:
            return Outcome(index, values, "failed", done.stderr.strip().replace("error: ", ""), {})
        mark.write_text(before)
    return Outcome(index, values, "complete", "", numbers_of(read_result(path)))


def run_sweep(
    sweep: ParameterSweep,
    jobs: int,
    told: Callable[[Outcome], None] | None = None,
    pool: Executor | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[Outcome]:
    """Do all runs, each in a process of its own; those whose files are complete are not done again.

    Parameters
    ----------
    sweep : ParameterSweep
    jobs : int
        How many at a time. With several, each has one thread.
    told : callable of Outcome, optional
        As they come.
    pool : Executor, optional
        What hands the runs out, instead of so many threads of this process.
    environment : mapping of str to str
        Of the runs.

    Returns
    -------
    list of Outcome
        In the order of the sweep; a run that failed stops no other.
    """
    (sweep.folder / ".commands").mkdir(parents=True, exist_ok=True)
    one = partial(run_point, sweep, {**environment, **(ONE_THREAD if jobs > 1 else {})})
    with ThreadPoolExecutor(jobs) if pool is None else nullcontext(pool) as workers:
        begun = [workers.submit(one, point) for point in sweep.points()]
        for finished in as_completed(begun):
            if told:
                told(finished.result())
        return [run.result() for run in begun]


def _is_complete(path: Path) -> bool:
    try:
        return read_result(path).attributes.get("status") == "complete"
    except PdekitError:
        return False


def numbers_of(stored: StoredResult) -> dict[str, float]:
    """What stands for a result in a table: extremes and root mean square of every variable at the end, and the series' last values."""
    found: dict[str, float] = {}
    for name in stored.variables:
        last = stored.read(name, -1)
        last = last[~np.isnan(last)]  # nodes outside of a domain
        size = np.abs(last) if np.iscomplexobj(last) else last
        found |= {f"max_{name}": float(size.max()), f"min_{name}": float(size.min())}
        found[f"rms_{name}"] = float(np.sqrt(np.mean(np.abs(last) ** 2)))
    found |= {name: float(np.real(stored.read(name, -1))) for name in stored.scalars}
    for name, values in stored.series.items():
        if name != "t" and values.size:
            found[name] = float(np.real(values[-1]))
    if not stored.steady:
        found["t_end"] = float(stored.times[-1])
    found["wall_time"] = float(stored.attributes.get("wall_time_seconds", np.nan))
    return found


def write_table(sweep: ParameterSweep, outcomes: Sequence[Outcome]) -> tuple[Path, Path]:
    """Write ``table.csv`` and ``table.nc``, whose dimensions are those of the sweep."""
    import xarray

    columns = list(dict.fromkeys(name for outcome in outcomes for name in outcome.numbers))
    keys = list(dict.fromkeys(key for outcome in outcomes for key in outcome.values))
    table = sweep.folder / "table.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, *columns, "status", "message"])
        for o in outcomes:
            writer.writerow(
                [*(o.values[k] for k in keys), *(o.numbers.get(c, "") for c in columns), o.status, o.message]
            )
    short = {name: name.rpartition(".")[2] for name in sweep.dimensions}
    if len({*short.values(), *columns}) < len(short) + len(columns):
        short = {name: name.replace(".", "_") for name in sweep.dimensions}
    shape = tuple(len(values) for values in sweep.dimensions.values())
    data: dict[str, Any] = {}
    for column in columns:
        values = np.full(shape, np.nan)
        for o in outcomes:
            values[o.index] = o.numbers.get(column, np.nan)
        data[column] = (tuple(short.values()), values)
    for key, draws in sweep.drawn.items():
        data[key.replace(".", "_")] = ((SAMPLE,), np.array(draws))
    coordinates = {short[name]: list(values) for name, values in sweep.dimensions.items()}
    path = sweep.folder / "table.nc"
    xarray.Dataset(data, coords=coordinates).to_netcdf(path, engine="h5netcdf")
    return table, path


def statistics_of(outcomes: Sequence[Outcome], columns: Sequence[str]) -> dict[str, dict[str, float]]:
    """Mean, deviation and quantiles of the numbers that came out."""
    found = {}
    for column in columns:
        values = np.array([o.numbers[column] for o in outcomes if column in o.numbers])
        if values.size > 1:
            q05, q50, q95 = np.quantile(values, (0.05, 0.5, 0.95))
            found[column] = {"mean": values.mean(), "deviation": values.std(ddof=1), "q05": q05, "q50": q50, "q95": q95}
    return found
