"""Pages as their readers run them: the blocks of code one after the other, in an empty folder.

Python blocks share their names. A YAML block with equations is a config, which is loaded and, if its first line names it (``# rod.yaml``),
written there; other YAML blocks replace keys of the last config. Lines of ``sh`` blocks that start with ``pdekit`` are run. A ``text`` block is what
the block above it prints, ``...`` standing for anything. The tests run all pages so, and the build those whose pictures it shows.
"""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^( *)(`{3,})(\w+)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
NOT_RUN = (
    "pip install",
    "python3 -m venv",
    ". .venv/bin/activate",
    "eval ",
    "mpiexec ",
    "conda install ",
    ".ci/petsc ",
)
PRINTED = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of the blocks of a page."""
    for indent, _, language, text in BLOCK.findall(page.read_text()):
        yield language, re.sub(f"^{indent}", "", text, flags=re.MULTILINE)


class PageRun:
    """What a reader has who did everything on a page up to here."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.printed = ""

    def do(self, language: str, text: str) -> None:
        """Run a block.

        Raises
        ------
        AssertionError
            It does not do what the page says.
        """
        getattr(self, f"_{language}")(text)

    def _python(self, text: str) -> None:
        stream = StringIO()
        with redirect_stdout(stream):
            exec(compile(text, "<page>", "exec"), self.names)
        self.printed = stream.getvalue()

    def _yaml(self, text: str) -> None:
        from ruamel.yaml import YAML

        from pdekit.io.load import load, loads

        given = YAML(typ="safe").load(text)
        if "equations" in given or "problem" in given:
            self.config = given
            if named := re.match(r"# (\S+\.yaml)\n", text):
                Path(named[1]).write_text(text)
                assert load(named[1]).system
        else:
            assert self.config, "keys without a config that they belong to"
            stream = StringIO()
            YAML().dump({**self.config, **given}, stream)
            text = stream.getvalue()
        problem = loads(text)
        assert problem.steady or problem.time.end is None or problem.choice().method
        self.printed = ""

    def _sh(self, text: str) -> None:
        from click.testing import CliRunner

        from pdekit.cli.commands import main

        self.printed = ""
        for line in text.splitlines():
            if not line.startswith("pdekit "):
                assert not line or line.startswith(NOT_RUN), f"neither run nor known: {line}"
                continue
            command, _, comment = line.partition("  #")
            expected = int(found[1]) if (found := re.search(r"exit code (\d+)", comment)) else 0
            result = CliRunner().invoke(main, shlex.split(command)[1:])
            assert result.exit_code == expected, f"{line}\n{result.output}"
            self.printed += result.output if expected else result.stdout

    def _text(self, text: str) -> None:
        assert doctest.OutputChecker().check_output(text, self.printed, PRINTED), f"{text}\n--- printed\n{self.printed}"
