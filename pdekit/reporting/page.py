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
from pdekit.io.yaml_source import parse_yaml
from pdekit.language.pde import PDE
from pdekit.plotting.plane import moment
from pdekit.problem import Problem
from pdekit.reporting.entries import Entry, equations_of, method_entries, problem_entries
from pdekit.reporting.figures import Figure, Group, error_figures, field_figures, number_figures, study_figure
from pdekit.reporting.rendering import rendered
from pdekit.reporting.set_up import grid_rows, size_in_words
from pdekit.solution import Solution
from pdekit.verification.study import Study


@dataclass(frozen=True)
class Origin:
    """The problem of a solution, and what is known of the run.

    Parameters
    ----------
    problem : Problem or None
        None if it is not known, or cannot be made again from the file.
    pde : PDE or None
        Its equations.
    config : str
    versions : dict of str to str
    status, message : str
        How the run ended.
    """

    problem: Problem | None = None
    pde: PDE | None = None
    config: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    status: str = ""
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
    errors = error_figures(solution, frames)
    ended = (
        [] if origin.status in ("complete", "") else [f"The run is not complete ({origin.status}): {origin.message}"]
    )
    return Page(
        title=solution.title or "; ".join(origin.pde.equations if origin.pde else ()) or "Result",
        summary=_summary(solution),
        notes=[*ended, *solution.notes],
        equations=equations_of(origin.pde, solution.grid) if origin.pde else [],
        setting=_setting(solution, origin),
        method=method_entries(solution),
        errors=[
            Entry(f"error of {name}", f"{error:.3e}, greatest difference from the exact solution{_when(solution)}")
            for name, error in solution.errors().items()
            if not errors or name in solution.scalars
        ],
        studies=[_table(study) for study in studies],
        provenance=_provenance(solution, origin),
        config=origin.config,
        times=frames.times,
        figures=[*fields, *number_figures(solution), *errors, *map(study_figure, studies)],
        hint=_hint(solution, len(frames.indices)),
    )


def origin_of(solution: Solution) -> Origin:
    """Where a solution comes from: this session, or its file."""
    problem = solution.problem
    if problem is not None:
        known = {"pdekit": metadata.version("pdekit"), **versions()}
        return Origin(problem, problem.pde, problem.to_yaml(), known, "complete")
    if solution.file is None:
        return Origin()
    attributes = read_result(solution.file).attributes
    config = str(attributes.get("config", ""))
    pde: PDE | None
    try:
        problem = loads(config, python=False)  # a results file never says what is to be run
        pde = problem.pde
    except PdekitError:  # data given in Python, or in files that are not there any more
        pde = _equations_in(config)
    known = {"pdekit": str(attributes["pdekit_version"]), **json.loads(attributes.get("versions", "{}"))}
    ending = (str(attributes.get(key, "")) for key in ("status", "message"))
    return Origin(problem, pde, config, known, *ending)


def _equations_in(config: str) -> PDE | None:
    """The equations of a config whose problem cannot be made."""
    try:
        data = parse_yaml(config).data
        return PDE(data.get("equations", ()), definitions=data.get("definitions"), unknowns=data.get("unknowns"))
    except PdekitError:
        return None


def _summary(solution: Solution) -> str:
    nodes = " × ".join(map(str, solution.grid.shape))
    span = (
        "steady"
        if solution.steady
        else f"t = {solution.times[0]:g} to {moment(solution.times[-1], solution.labels, 6)[4:]}"
    )
    how = f", by {solution.method}" if solution.method not in ("", "steady") else ""
    return f"{', '.join((*solution.shown_variables, *solution.scalars))} on {nodes} nodes, {span}{how}"


def _setting(solution: Solution, origin: Origin) -> list[Entry]:
    if origin.problem is not None:
        return problem_entries(origin.problem)
    known = [Entry(label, text) for label, text in grid_rows(solution.grid)]
    if origin.config:
        known.append(Entry("problem", "given in Python: the config below tells it as far as a text can"))
    return known


def _when(solution: Solution) -> str:
    return "" if solution.steady else f" at {moment(solution.times[-1], solution.labels, 6)}"


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
    rows.append(Entry("page", f"written by pdekit {metadata.version('pdekit')}"))
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
