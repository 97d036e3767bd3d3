"""The results file of a run: HDF5 with everything that tells what was solved, and how."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from pdekit.geometry.grid import Grid
from pdekit.io.hdf5_writer import ResultWriter, check_output
from pdekit.io.write import problem_to_yaml
from pdekit.language.syntax import names_in
from pdekit.problem import Problem

PACKAGES = ("numpy", "scipy", "sympy", "h5py")


MASK = "mask"  # in place of an inequality


def versions() -> dict[str, str]:
    """Of Python and of the packages that the numbers come from."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


class ResultsFile:
    """Where the results of a run go.

    Parameters
    ----------
    problem : Problem
    path : Path
        Refused at once if it exists (unless forced) or cannot be written.
    force : bool
        Replace an existing file.
    """

    def __init__(self, problem: Problem, path: Path, force: bool) -> None:
        check_output(path, force)
        self.problem, self.path, self.force = problem, path, force

    def open(
        self,
        method: str,
        reasons: Sequence[str],
        variables: Mapping[str, Any] | None = None,
        series: Mapping[str, Any] | None = None,
        scalars: Collection[str] | None = None,
    ) -> ResultWriter:
        """The writer, with everything that is known before the first frame.

        `variables` and `series` are types by name; by default those of the states and of the problem's series. `scalars` are those of
        the variables that are one number; by default the problem's.
        """
        problem, system = self.problem, self.problem.semidiscrete
        scalars = problem.pde.scalars if scalars is None else scalars
        names = (*(block.name for block in system.blocks), *problem.derived)
        stored = variables or dict.fromkeys(names, system.dtype)
        attributes = {
            **description(
                problem.grid,
                problem.title,
                [name for name in stored if name not in scalars],
                problem_to_yaml(problem),
                [name for name in stored if name in scalars],
            ),
            "method": method,
            "method_reasons": "\n".join(reasons),
        }
        if problem.exact:
            attributes |= _exact(problem)
        if problem.domain is not None:
            attributes |= _domain(problem)
        if problem.lived_in:
            spans = {name: region.spans for name, region in problem.variable_regions.items()}
            attributes["regions"] = json.dumps(spans)
        return ResultWriter(
            self.path,
            problem.grid,
            stored,
            attributes,
            steady=problem.steady,
            force=self.force,
            labels=problem.captions,
            series={name: number.dtype for name, number in problem.series.items()} if series is None else series,
            scalars=scalars,
        )


def description(
    grid: Grid, title: str, variables: Sequence[str], config: str, scalars: Sequence[str] = ()
) -> dict[str, str]:
    """The attributes of every file: what is in it, of which problem, and which versions wrote it."""
    return {
        "title": title,
        "dimensions": json.dumps(grid.names),
        "variables": json.dumps(list(variables)),
        "scalars": json.dumps(list(scalars)),
        "coordinate_system": grid.system,
        "config": config,
        "pdekit_version": metadata.version("pdekit"),
        "versions": json.dumps(versions()),
    }


def _domain(problem: Problem) -> dict[str, str]:
    """The domain as an inequality with the parameters in it; of a mask, that it is one: values outside are no numbers."""
    if not isinstance(problem.domain, str):
        return {"domain": MASK}
    numbers = {
        n: str(v) for n, v in problem.pde.parameter_values(problem.grid.names).items() if n in names_in(problem.domain)
    }
    return {"domain": problem.domain, "domain_parameters": json.dumps(numbers)}


def _exact(problem: Problem) -> dict[str, str]:
    """The exact solutions that are formulas, with all that they are made of; what is data cannot be told by a text."""
    pde, data = problem.pde, set(problem.pde.data_parameters())
    texts = {**pde.definitions, **{n: v for n, v in pde.parameters.items() if n not in data}}
    while more := {n for n, text in texts.items() if n not in data and isinstance(text, str) and names_in(text) & data}:
        data |= more
    exact = {n: e for n, e in problem.exact.items() if isinstance(e, str) and not names_in(e) & data}
    parameters = {n: str(v) for n, v in pde.parameters.items() if n not in data}
    known = {n: str(pde.definitions[n]) for n in problem.system.known if n in pde.definitions and n not in data}
    return {"exact": json.dumps(exact), "parameters": json.dumps(parameters), "definitions": json.dumps(known)}
