"""One page that shows a result: the problem, the fields in time, how accurate they are, and where they come from."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import get_args

from markupsafe import Markup

from pdekit.errors import PdekitError, StorageError
from pdekit.io.hdf5_reader import read_result
from pdekit.io.load import loads
from pdekit.io.results_file import versions
from pdekit.problem import Problem
from pdekit.reporting.entries import Entry, equations_of, method_entries, problem_entries
from pdekit.reporting.figures import Figure, Group, error_figures, field_figures, series_figures, study_figure
from pdekit.reporting.rendering import rendered
from pdekit.reporting.set_up import size_in_words
from pdekit.solution import Solution
from pdekit.verification.converge import Study


@dataclass(frozen=True)
class Origin:
    """The problem of a solution, and what is known of the run.

    Parameters
    ----------
    problem : Problem or None
        None if it cannot be made again from the file.
    config : str
    versions : dict of str to str
    status, message : str
        How the run ended.
    """

    problem: Problem | None
    config: str
    versions: dict[str, str]
    status: str = "complete"
    message: str = ""


@dataclass(frozen=True)
class StudyTable:
    """A convergence study as a table."""

    verdict: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Page:
    """All that stands on a page."""

    title: str
    summary: str
    notes: Sequence[str]
    equations: Sequence[Markup]
    setting: Sequence[Entry]
    method: Sequence[Entry]
    errors: Sequence[Entry]
    studies: Sequence[StudyTable]
    provenance: Sequence[Entry]
    config: str
    times: Sequence[float]
    figures: Sequence[Figure]
    hint: str
    version: str = field(default_factory=lambda: metadata.version("pdekit"))

    def of(self, group: str) -> list[Figure]:
        """The figures of a section."""
        return [figure for figure in self.figures if figure.group == group]

    def html(self) -> str:
        """The page, which needs nothing else."""
        drawn = [figure for group in get_args(Group) for figure in self.of(group)]
        return rendered("report.html", drawn, self.times, page=self)


def report(solution: Solution, path: str | Path, *, studies: Sequence[Study] = (), force: bool = False) -> Path:
    """Write one HTML file that shows a solution: it needs no network and no other file.

    Parameters
    ----------
    solution : Solution
    path : str or Path
    studies : sequence of Study, optional
        Convergence studies to show with it.
    force : bool, default False
        Replace an existing file.

    Returns
    -------
    Path

    Raises
    ------
    StorageError
        The file exists, or cannot be written.

    Examples
    --------
    >>> import pdekit as pk, tempfile
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx"), pk.Grid(x=pk.Axis(0, 1, 11)), initial={"u": "x"},
    ...                  boundary={"u": {"x": pk.Neumann(0)}})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = rod.solve(t_end=0.1, frames=5).report(f"{folder}/rod.html").read_text()
    >>> "<math" in page, "src=" in page
    (True, False)
    """
    path = Path(path)
    if path.exists() and not force:
        raise StorageError(f"{path} exists; choose another name, or force it")
    text = page_of(solution, studies).html()
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, "utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def page_of(solution: Solution, studies: Sequence[Study] = ()) -> Page:
    """What a page says of a solution."""
    origin = origin_of(solution)
    frames, fields = field_figures(solution)
    problem = origin.problem
    errors = error_figures(solution, frames)
    ended = [] if origin.status == "complete" else [f"The run is not complete ({origin.status}). {origin.message}"]
    return Page(
        title=solution.title or "; ".join(problem.pde.equations if problem else ()) or "Result",
        summary=_summary(solution),
        notes=[*ended, *solution.notes],
        equations=equations_of(problem) if problem else [],
        setting=problem_entries(problem) if problem else [NO_PROBLEM],
        method=method_entries(solution),
        errors=[
            Entry(f"error of {name}", f"{error:.3e}, greatest difference from the exact solution{_when(solution)}")
            for name, error in solution.errors().items()
            if not errors
        ],
        studies=[_table(study) for study in studies],
        provenance=_provenance(solution, origin),
        config=origin.config,
        times=frames.times,
        figures=[*fields, *series_figures(solution), *errors, *map(study_figure, studies)],
        hint=_hint(solution, len(frames.indices)),
    )


NO_PROBLEM = Entry("problem", "given in Python: it stands in the config below as far as texts tell it")


def origin_of(solution: Solution) -> Origin:
    """Where a solution comes from: this session, or its file."""
    if solution.problem is not None:
        return Origin(
            solution.problem, solution.problem.to_yaml(), {"pdekit": metadata.version("pdekit"), **versions()}
        )
    if solution.file is None:
        return Origin(None, "", {})
    known = read_result(solution.file).attributes
    config = str(known.get("config", ""))
    found = {"pdekit": str(known["pdekit_version"]), **json.loads(known.get("versions", "{}"))}
    try:
        problem = loads(config, solution.file.parent)
    except PdekitError:
        problem = None  # data given in Python, or in files that are not there any more
    return Origin(problem, config, found, str(known.get("status", "")), str(known.get("message", "")))


def _summary(solution: Solution) -> str:
    nodes = " × ".join(map(str, solution.grid.shape))
    span = "steady" if solution.steady else f"t = {solution.times[0]:g} to {solution.times[-1]:g}"
    return f"{', '.join(solution.variables)} on {nodes} nodes, {span}, by {solution.method}".replace("-", "−")


def _when(solution: Solution) -> str:
    return "" if solution.steady else f" at t = {solution.times[-1]:g}"


def _hint(solution: Solution, shown: int) -> str:
    words = []
    if shown < solution.times.size:
        words.append(f"{shown} of {solution.times.size} stored frames are shown.")
    if solution.grid.ndim > 3:
        words.append(f"Fields in {solution.grid.ndim} dimensions are not drawn.")
    elif solution.grid.ndim > 1:
        words.append("Maps show 254 steps between fixed limits.")
    return " ".join(words)


def _provenance(solution: Solution, origin: Origin) -> list[Entry]:
    rows = []
    if solution.file is not None and solution.file.is_file():
        rows.append(Entry("results file", f"{solution.file.name} ({size_in_words(solution.file.stat().st_size)})"))
    if origin.status:
        rows.append(Entry("status", origin.status))
    if origin.versions:
        rows.append(Entry("versions", ", ".join(f"{name} {version}" for name, version in origin.versions.items())))
    return rows


def _table(study: Study) -> StudyTable:
    header = ["step" if study.what == "time" else "points"]
    for name in study.errors:
        header += [f"error of {name}", "order"]
    rows = []
    for k, size in enumerate(study.sizes):
        row = [f"{size:g}" if isinstance(size, float) else str(size)]
        for name, errors in study.errors.items():
            row += [f"{errors[k]:.3e}", f"{study.orders(name)[k - 1]:.2f}" if k else ""]
        rows.append(row)
    return StudyTable(study.verdict, header, rows)
