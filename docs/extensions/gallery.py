"""The gallery: every config and every worked problem is run, drawn and shown beside its source.

Its pages and pictures are made before Sphinx reads the sources, in ``docs/gallery``. What is made from the same config by the same
package is not made again.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FOLDER = DOCS / "gallery"
# What the code of a page draws, and the page shows.
PAGE_PICTURES = {
    "guide/discretization": ("burgers.png",),
    "guide/verification": ("study.png",),
    "guide/noise": ("paths.png",),
    "guide/domains": ("hole.png",),
    "guide/boundaries": ("release.png",),
    "guide/eigenmodes": ("modes.png",),
    "guide/derivatives": ("stencil.png",),
}
SHEET = ("burgers_shock", "cahn_hilliard", "dam_break", "drum", "gray_scott")
GROUPS = {
    "steady": "Steady problems",
    "first": "Heat, diffusion and reactions",
    "second": "Waves and vibrations",
    "fluxes": "Shocks and transport",
    "noise": "Noise",
}


@dataclass(frozen=True)
class Example:
    """A problem that is shown: a config, or a function of ``problems/`` that makes it.

    Parameters
    ----------
    name : str
        Of its page.
    path : Path
    function : str
        Empty for a config.
    """

    name: str
    path: Path
    function: str = ""

    @cached_property
    def problem(self) -> Any:
        import pdekit as pk

        return self._maker() if self.function else pk.load(self.path)

    @cached_property
    def _maker(self) -> Any:
        return getattr(importlib.import_module(f"problems.{self.path.stem}"), self.function)

    @property
    def title(self) -> str:
        return self.problem.title

    @property
    def words(self) -> str:
        """What its author says of it."""
        if self.function:
            return inspect.getdoc(self._maker) or ""
        lines = [line for line in self.path.read_text().splitlines() if not line.startswith("title:")]
        leading = takewhile(lambda line: line.startswith("#"), lines)
        return " ".join(line.removeprefix("#").strip() for line in leading)

    @property
    def source(self) -> str:
        """Its source as a block of a page, and how to run it."""
        if self.function:
            module = f"problems.{self.path.stem}"
            shown = f"```python\nfrom {module} import {self.function}\n\nsolution = {self.function}().solve()\nsolution.plot()\n```"
            return (
                f"`problems/{self.path.name}`:\n\n```python\n{inspect.getsource(self._maker)}```\n\nRun it:\n\n{shown}"
            )
        commands = f"pdekit gallery {self.name}\npdekit run {self.name}.yaml\npdekit plot results/{self.name}.h5"
        return (
            f"`configs/{self.path.name}`:\n\n```yaml\n{self.path.read_text()}```\n\nRun it:\n\n```sh\n{commands}\n```"
        )

    @property
    def group(self) -> str:
        """Where it stands in the gallery."""
        problem = self.problem
        if problem.steady:
            return "steady"
        if problem.system.noises:
            return "noise"
        if problem.flux_scheme.is_limited:
            return "fluxes"
        orders = {unknown.time_order for unknown in problem.system.unknowns}
        return "second" if 2 in orders or problem.is_complex else "first"


def examples() -> Iterator[Example]:
    """All of them, configs first."""
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        yield Example(path.stem, path)
    for stem in sorted(path.stem for path in (ROOT / "problems").glob("*.py")):
        module = importlib.import_module(f"problems.{stem}")
        for name, made in vars(module).items():
            if inspect.isfunction(made) and made.__module__ == module.__name__:
                yield Example(f"{stem}_py_{name}", ROOT / "problems" / f"{stem}.py", name)


def fingerprint() -> str:
    """Of everything that the pictures depend on."""
    files = [*(ROOT / "pdekit").rglob("*.py"), *(ROOT / "problems").glob("*.py"), *(ROOT / "configs").glob("*.yaml")]
    files += [Path(__file__), *(DOCS / f"{name}.md" for name in PAGE_PICTURES)]
    texts = (path.read_bytes() for path in sorted(files))
    return hashlib.sha256(b"".join(texts)).hexdigest()


def draw_thumbnail(axes: Any, solution: Any) -> None:
    """Without words: lines over time, or a map."""
    import matplotlib as mpl
    import numpy as np

    from pdekit.plotting.plane import closed, planes
    from pdekit.plotting.style import COMPUTED, SEQUENTIAL, colours, visible

    name, grid = solution.variables[0], solution.grid
    axes.set_axis_off()
    if grid.ndim == 1:
        frames = [-1] if solution.steady else np.linspace(0, solution.times.size - 1, 7).round().astype(int)
        shades = mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.92, len(frames)))
        for index, shade in zip(frames, [COMPUTED] if solution.steady else shades):
            axes.plot(*closed(grid, 0, visible(solution.frame(name, index).values)[0]), color=shade)
        axes.margins(x=0)
        return
    index = -1 if solution.steady or solution.exact is None else (solution.times.size - 1) * 2 // 3
    values = visible(solution.frame(name, index).values)[0]
    plane = planes(grid, values)[0][1]
    axes.pcolormesh(plane.x, plane.y, plane.values, shading="gouraud", **colours(values))
    axes.set_aspect("equal" if plane.equal else "auto")


def draw_card(solution: Any, path: Path) -> None:
    """A small picture."""
    from pdekit.plotting.style import picture, styled

    with styled():
        figure = picture(2.8, 1.8)
        draw_thumbnail(figure.subplots(), solution)
        save_small(figure, path, 130)


def draw_sheet(solutions: dict[str, Any], path: Path) -> None:
    """Some of them beside each other: the picture of the first page, and of the README."""
    from pdekit.plotting.style import picture, styled

    with styled():
        figure = picture(11, 2.5)
        for axes, solution in zip(figure.subplots(1, len(solutions)), solutions.values()):
            draw_thumbnail(axes, solution)
            axes.set_title(solution.title, fontsize=10)
        save_small(figure, path, 130)


def save_small(figure: Any, path: Path, dpi: int) -> None:
    """As WebP, an eighth of the size of PNG; of a picture for elsewhere by its ending."""
    import io

    from PIL import Image

    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi)
    with Image.open(stream) as image:
        image.convert("RGB").save(path, quality=90, method=6)


def draw(example: Example, solution: Any) -> str:
    """Its pictures, and what came out in words."""
    draw_card(solution, FOLDER / f"{example.name}_card.webp")
    save_small(solution.plot(), FOLDER / f"{example.name}.webp", 90)
    told = [f"- method: `{solution.method}`: {'; '.join(solution.reasons)}"]
    told += [
        f"- greatest error of `{name}`{'' if solution.steady else ' at the end'}: {error:.1e}"
        for name, error in solution.errors().items()
    ]
    told += [f"- note: {note}" for note in solution.notes]
    return "\n".join(told)


def shown_as(picture: str) -> str:
    """The name under which a page shows what its code drew."""
    return str(Path(picture).with_suffix(".webp"))


def draw_pages() -> None:
    """The pictures of the pages, by running their own code."""
    import os
    import tempfile

    from page_run import PageRun, blocks
    from PIL import Image

    here = Path.cwd()
    for name, pictures in PAGE_PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                run = PageRun()
                for language, text in blocks(DOCS / f"{name}.md"):
                    if language != "text":
                        run.do(language, text)
                for picture in pictures:
                    with Image.open(picture) as image:
                        image.thumbnail((1100, 1100))
                        image.convert("RGB").save(FOLDER / shown_as(picture), quality=90, method=6)
            finally:
                os.chdir(here)


def page(example: Example, outcome: str) -> str:
    """The page of one example."""
    shown = f"![{example.title}]({example.name}.webp)\n\n" if outcome else ""
    came = f"\n\n## What came out\n\n{outcome}\n" if outcome else "\n"
    title = f"{example.title}{', in Python' if example.function else ''}"
    return f"# {title}\n\n{example.words}\n\n{shown}{example.source}{came}"


def index(shown: list[Example], pictures: bool) -> str:
    """The page that shows all of them."""
    parts = [
        "# Gallery",
        "Every picture on these pages was made by running the config or the Python problem that stands beside it when the pages were "
        "built. `pdekit gallery` lists the configs and copies one to where you are.",
    ]
    for group, title in GROUPS.items():
        cards = []
        for example in sorted((e for e in shown if e.group == group), key=lambda e: (bool(e.function), e.title)):
            image = f":img-top: {example.name}_card.webp\n" if pictures else ""
            what = "Python" if example.function else f"`{example.name}.yaml`"
            cards.append(
                f":::{{grid-item-card}} {example.title}\n:link: {example.name}\n:link-type: doc\n{image}\n{what}\n:::"
            )
        parts += [f"## {title}", "::::{grid} 2 3 3 3\n:gutter: 2\n\n" + "\n\n".join(cards) + "\n::::"]
    hidden = "\n".join(example.name for example in shown)
    return "\n\n".join([*parts, f"```{{toctree}}\n:hidden:\n\n{hidden}\n```\n"])


def make(run: bool) -> None:
    """Write the pages; `run`: with pictures, as far as they are not there already."""
    from sphinx.util.display import status_iterator

    FOLDER.mkdir(exist_ok=True)
    shown, stamp = list(examples()), FOLDER / "fingerprint"
    now = fingerprint()
    fresh = stamp.exists() and stamp.read_text() == now
    if run and not fresh:
        stamp.unlink(missing_ok=True)
        on_sheet = {}
        for example in status_iterator(shown, "running the gallery... ", "green", len(shown), 1, lambda e: e.name):
            solution = example.problem.solve()
            (FOLDER / f"{example.name}.txt").write_text(draw(example, solution))
            if example.name in SHEET:
                on_sheet[example.name] = solution
        draw_sheet(on_sheet, FOLDER / "sheet.webp")
        draw_pages()
        stamp.write_text(now)
    pictures = run or fresh
    for example in shown:
        outcome = (FOLDER / f"{example.name}.txt").read_text() if pictures else ""
        write(FOLDER / f"{example.name}.md", page(example, outcome))
    write(FOLDER / "index.md", index(shown, pictures))


def write(path: Path, text: str) -> None:
    """Unless it is there already: Sphinx reads again what is newer."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_config_value("gallery_run", True, "env", bool)
    app.connect("config-inited", lambda _, config: make(config.gallery_run))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
