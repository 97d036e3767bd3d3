"""Texts that the project is made of: what fuzzing starts from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pdekit.errors import PdekitError
from pdekit.language.syntax import syntax

ROOT = Path(__file__).parents[2]


@cache
def config_texts() -> tuple[tuple[str, str], ...]:
    """Name and text of every config that is shipped."""
    return tuple((path.stem, path.read_text()) for path in sorted((ROOT / "configs").glob("*.yaml")))


@cache
def expressions() -> tuple[str, ...]:
    """Expressions and right sides of equations in configs, problems and tests."""
    found: dict[str, None] = {}
    for _, text in config_texts():
        found |= dict.fromkeys(_texts(YAML(typ="safe", pure=True).load(text)))
    for folder in ("problems", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.parent != Path(__file__).parent:
                nodes = ast.walk(ast.parse(path.read_text()))
                found |= dict.fromkeys(
                    n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)
                )
    return tuple(dict.fromkeys(text for given in found for text in given.split(" = ") if _is_expression(text)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _is_expression(text: str) -> bool:
    if not 1 < len(text) < 300 or not any(c in text for c in "+-*/(_"):
        return False
    try:
        syntax(text)
    except PdekitError:
        return False
    return True
