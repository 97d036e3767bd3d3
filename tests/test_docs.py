"""Every block of the documentation runs and prints what the page says; every link leads somewhere; the pages build."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [p for p in sorted(DOCS.rglob("*.md")) if DOCS / "gallery" not in p.parents]
sys.path.insert(0, str(DOCS / "extensions"))  # where the build finds them, too
from gallery import PAGE_PICTURES, shown_as  # noqa: E402
from page_run import PageRun, blocks  # noqa: E402


@pytest.fixture
def _registries():
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
@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS).with_suffix("")))
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = PageRun()
    for language, text in blocks(page):
        if page.name == "architecture.md":
            assert language == "text"
            continue
        run.do(language, text)
    for picture in PAGE_PICTURES.get(str(page.relative_to(DOCS).with_suffix("")), ()):
        assert Path(picture).stat().st_size > 2_000


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
    """Those to files; pages of the gallery are made by the build, from the configs."""
    made = {f"{c.stem}{ending}" for c in (ROOT / "configs").glob("*.yaml") for ending in (".md", ".webp")}
    made |= {"index.md", "sheet.webp", *(shown_as(name) for names in PAGE_PICTURES.values() for name in names)}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            path = (page.parent / target).resolve()
            assert path.exists() or (path.parent == DOCS / "gallery" and path.name in made), f"{page.name}: {target}"


def test_every_public_name_is_described_once():
    import pdekit as pk

    text = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    assert sorted(re.findall(r"auto(?:class|function):: pdekit\.(\w+)$", text, re.MULTILINE)) == pk.__all__


def test_the_guide_misses_nothing():
    """Every word of the registries that a page explains stands on it; functions, methods and keys come from the registries."""
    from pdekit.geometry.axis import SPACINGS
    from pdekit.geometry.coordinates import SYSTEMS
    from pdekit.io.boundary_forms import KINDS
    from pdekit.io.exports import EXPORTS
    from pdekit.language.vocabulary import CALCULUS, CONSTANTS
    from pdekit.linear.solver_choice import SOLVERS
    from pdekit.problem import ADVECTION, ORDERS
    from pdekit.stencils.schemes import ISOTROPIC, SCHEMES

    words = {
        "equations": (*CALCULUS, *CONSTANTS, "sum", "noise", "integral", "face", "scalars", "constraints"),
        "boundaries": (*KINDS, "outflow"),
        "grids": (*SPACINGS, *SYSTEMS),
        "discretization": (*SCHEMES, ISOTROPIC, *ADVECTION, *map(str, ORDERS)),
        "methods": (*SOLVERS, "compiled", "precision", "device", "max_step", "implicit", "rtol", "atol"),
        "results": (*(ending.removeprefix(".") for ending in EXPORTS), "integral", "mean", "face", "at", "series"),
        "long_runs": ("linspace", "logspace", "range", "uniform", "loguniform", "normal", "when", "steady", "wall"),
        "noise": ("uniform_noise", "samples", "seed", "path_step"),
        "command_line": tuple(f"pdekit {name}" for name in ("new", "gallery", "env", "completion", "schema")),
    }
    for page, wanted in words.items():
        code = " ".join(re.findall(r"`[^`]+`|```.*?```", (DOCS / "guide" / f"{page}.md").read_text(), re.DOTALL))
        missing = [word for word in wanted if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code)]
        assert not missing, f"{page}: {missing}"


def sphinx(*options: object) -> None:
    """Build the pages; warnings are errors."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pages_build_without_a_warning(tmp_path):
    """All of Sphinx, its cross references among them, but for running the gallery and so for its pictures."""
    options = ("-b", "dummy", "-D", "gallery_run=0", "-D", "suppress_warnings=image.not_readable")
    sphinx(*options, "-d", tmp_path / "trees", DOCS, tmp_path / "none")


@pytest.mark.study
def test_the_whole_site_builds_without_a_warning(tmp_path):
    """With the gallery run and drawn."""
    sphinx(DOCS, tmp_path / "site")
    site = tmp_path / "site"
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"{config.stem}.webp" in (site / "gallery" / f"{config.stem}.html").read_text()
        assert (site / "_images" / f"{config.stem}.webp").stat().st_size > 2_000
