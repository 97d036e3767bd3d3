"""Every code block of the documentation runs, and what it registers does what it says."""

import re
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def _registries(monkeypatch):
    """What a page registers is gone after it."""
    from pdekit.discretize.terms import TERMS
    from pdekit.io.boundary_forms import KINDS
    from pdekit.io.formats import FORMATS
    from pdekit.language.vocabulary import FUNCTIONS
    from pdekit.linear.solver_choice import SOLVERS
    from pdekit.stencils.schemes import SCHEMES
    from pdekit.time.methods import METHODS
    from pdekit.time.tables import TABLEAUX

    tables = (TERMS, KINDS, FORMATS, FUNCTIONS, SOLVERS, SCHEMES, METHODS, TABLEAUX)
    kept = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, kept):
        table.clear()
        table.update(entries)


@pytest.mark.usefixtures("_registries")
def test_extensions(capsys):
    """Each example prints what mathematics says: errors of the order of the method, the slip channel, the mean."""
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "extending.md").read_text(), re.S):
        exec(block, names)
    ralston, imex, slip, wide, mean, dense, archive = capsys.readouterr().out.strip().splitlines()
    assert float(ralston) < 2e-3
    assert float(imex) == pytest.approx(names["front"].solve(t_end=0.1, rtol=1e-9)["u"].max(), abs=1e-3)
    # u'' = -1 with u = l u' at the walls: u = (y - y^2)/2 + l/2, reached to exp(-8.2 t); second order rows are exact for it
    assert float(slip) == pytest.approx(0.125 + 0.05, rel=1e-3)
    assert float(wide) < 1e-4 and float(mean) < 1e-5 and float(dense) < 2e-3
    assert archive == "['u@0', 'u@0.05', 'u@0.1']"
    assert np.isfinite(float(mean))


def test_fitting(capsys, monkeypatch):
    """The page on fits: what it prints is near what the data were made with, and has the signs that physics says."""
    monkeypatch.chdir(DOCS.parent)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "fitting.md").read_text(), re.S):
        exec(block, names)
    fitted, change, slopes, field = capsys.readouterr().out.strip().splitlines()
    assert float(fitted.split()[0]) == pytest.approx(0.8, abs=0.015)
    assert float(change) < 0
    value, slope = map(float, slopes.split())
    assert 0 < value < 1 and slope < 0
    error, deviation = map(float, field.split())
    assert error < 0.2 and deviation == pytest.approx(1e-3, rel=0.25)
    (table,) = re.findall(r"```\n(parameter .*?)```", (DOCS / "fitting.md").read_text(), re.S)
    for name, line in zip(("D", "h"), table.splitlines()[1:]):
        assert float(line.split()[2]) == pytest.approx(names["fitted"][name], rel=1e-3)


def test_links_of_the_pages():
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
