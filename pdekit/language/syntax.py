"""The syntax tree of a text, and the names in it."""

from __future__ import annotations

import ast
import re
from typing import Any

from pdekit.errors import ExpressionError
from pdekit.language.vocabulary import CALCULUS

LONGEST_TEXT = 20_000


def syntax(text: Any) -> ast.expr:
    """Parse the syntax of an expression.

    Raises
    ------
    ExpressionError
        Not a text, too long, too deep, or not an expression.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ExpressionError(f"expected an expression, found {text!r}")
    try:
        source = str(text).strip()
    except ValueError:  # Python spells no integer of more than some thousand digits
        raise ExpressionError("a number is too large") from None
    if len(source) > LONGEST_TEXT:
        raise ExpressionError(f"expression of {len(source)} characters; at most {LONGEST_TEXT} are allowed")
    if not source:
        raise ExpressionError("empty expression")
    try:
        tree = ast.parse(_LAMBDA.sub(_AS_NAME, " ".join(source.split())), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(
            f"cannot read {source!r}: {error.msg} at character {error.offset}{_hint(source)}"
        ) from None
    except (RecursionError, MemoryError, ValueError):
        raise ExpressionError("expression is nested too deeply, or not text") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id.startswith(_AS_NAME):
            node.id = node.id.replace(_AS_NAME, "lambda", 1)
    return tree


# A word of Python that people use for a parameter.
_LAMBDA, _AS_NAME = re.compile(r"\blambda(?=_|\b)"), "lambda__"


def _hint(source: str) -> str:
    """The right form of what is often written instead."""
    if re.match(r"^[-+\d.eE]+\s+(1\s*/\s*)?[A-Za-zµμΩÅ°%]", source):
        return (
            "; a number with a unit is taken where the problem has units (units: {x: m, t: s}): as a parameter, a place, a time, "
            "or data; elsewhere write the number alone"
        )
    if re.search(r"\d\s+(1\s*/\s*)?(?!(and|or|if|else|in|is|not)\b)[A-Za-zµμΩÅ°%]", source):
        return "; a number with a unit stands alone: make it a parameter of a problem with units, such as T0: 5 K, and write its name"
    if "∂" in source:
        return "; a derivative is written u_t, u_x, u_xx, or d(u, x)"
    if source.count("(") != source.count(")"):
        return "; inside of [...] or {...} of YAML a comma ends a value: put the expression into quotes"
    return ""


def names_in(text: Any) -> set[str]:
    """All names in an expression, functions not counted."""
    tree = syntax(text)
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called}


def called_names(text: Any) -> set[str]:
    """The functions that an expression calls."""
    return {n.func.id for n in ast.walk(syntax(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def differentiated_names(text: Any) -> set[str]:
    """Names that stand directly under a derivative: ``laplace(u)``, ``grad(u)``, ``d(u, x)``, ``u_xx``; no axes."""
    found: set[str] = set()
    axes: set[str] = set()
    for node in ast.walk(syntax(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALCULUS and node.args:
            if node.func.id in ("div", "dot") and not isinstance(node.args[0], ast.List | ast.Name):
                continue  # of a vector expression: what is differentiated stands under grad and the like
            found |= {n.id for n in ast.walk(node.args[0]) if isinstance(n, ast.Name)}
            if node.func.id == "d":
                axes |= {n.id for n in node.args[1:2] if isinstance(n, ast.Name)}
        if isinstance(node, ast.Name) and "_" in node.id:
            base, _, suffix = node.id.rpartition("_")
            found.add(base)
            axes |= {node.id, *suffix}
    return found - axes
