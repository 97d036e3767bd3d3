r"""Texts of the language as LaTeX, in the order in which they are written: ``u_t = D*laplace(u)`` as ``\partial u/\partial t = D \nabla^2 u``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from itertools import groupby

from pdekit.errors import ExpressionError
from pdekit.language.parser import syntax
from pdekit.language.pde import PDE

GREEK = frozenset(
    ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
     "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
     "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"]
)  # fmt: skip
LETTERS = {
    "I": r"\mathrm{i}",
    "e": r"\mathrm{e}",
    "epsilon": r"\varepsilon",
    "phi": r"\varphi",
    "eps": r"\varepsilon",
    "lam": r"\lambda",
}
# Functions with a name of their own in LaTeX; a power may stand behind it.
NAMED = {name: rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "coth", "min", "max", "exp")} | {
    "log": r"\ln",
    "log10": r"\log_{10}",
    "asin": r"\arcsin",
    "acos": r"\arccos",
    "atan": r"\arctan",
    "sign": r"\operatorname{sgn}",
    "real": r"\operatorname{Re}",
    "imag": r"\operatorname{Im}",
    "gamma": r"\Gamma",
    "heaviside": "H",
}
# What stands before its operand, as a factor does.
PREFIXES = {"laplace": r"\nabla^{2}", "biharmonic": r"\nabla^{4}", "grad": r"\nabla"}
PREFIXES |= {"div": r"\nabla\cdot", "curl": r"\nabla\times"}
# What encloses its one argument.
ENCLOSURES = {
    "sqrt": (r"\sqrt{", "}"),
    "abs": (r"\left|", r"\right|"),
    "conj": (r"\overline{", "}"),
    "floor": (r"\left\lfloor ", r"\right\rfloor "),
    "ceil": (r"\left\lceil ", r"\right\rceil "),
}
RELATIONS = {ast.Lt: "<", ast.LtE: r"\le", ast.Gt: ">", ast.GtE: r"\ge", ast.Eq: "=", ast.NotEq: r"\ne"}
SUM, PRODUCT, POWER, ATOM = range(4)  # how strongly a form holds together
COORDINATES = ("theta", "phi", *"xyzrstw")  # where the axes are not known
Form = tuple[str, int]


def symbol(name: str) -> str:
    r"""A name as a symbol.

    Examples
    --------
    >>> symbol("kappa_1"), symbol("u2"), symbol("Pe")
    ('\\kappa_{1}', 'u_{2}', '\\mathrm{Pe}')
    """
    base, _, index = name.partition("_")
    if not base:
        dashed = name.replace("_", "-")
        return rf"\mathrm{{{dashed}}}"
    digits = re.fullmatch(r"([A-Za-z]+?)(\d+)", base)
    if digits and not index:
        base, index = digits.groups()
    if base in LETTERS:
        base = LETTERS[base]
    elif base in GREEK:
        base = rf"\{base}"
    elif len(base) > 1:
        base = rf"\mathrm{{{base}}}"
    if not index:
        return base
    below = index if len(index) == 1 or index.isdigit() else rf"\mathrm{{{index}}}"
    return f"{base}_{{{below.replace('_', ',')}}}"


def number(value: complex | float) -> str:
    r"""A number.

    Examples
    --------
    >>> number(2.5e-7), number(1e6), number(3)
    ('2.5\\cdot 10^{-7}', '10^{6}', '3')
    """
    if isinstance(value, complex):
        return rf"{number(value.imag)}\,\mathrm{{i}}"
    digits, _, exponent = f"{value:.15g}".partition("e")
    if not exponent and abs(value) >= 1e5 and value % 1e5 == 0:
        digits, _, exponent = f"{value:e}".partition("e")
        digits = f"{float(digits):g}"
    if not exponent:
        return digits
    power = f"10^{{{int(exponent)}}}"
    return power if digits == "1" else rf"{digits}\cdot {power}"


class _LatexWriter:
    """Walks a syntax tree; every visit gives a form and how strongly it holds together."""

    def __init__(self, states: Sequence[str], axes: Sequence[str], numbers: Sequence[str] = ()) -> None:
        self.states, self.numbers = frozenset(states), frozenset(numbers)
        self.axes = sorted((*axes, "t"), key=len, reverse=True)

    def text(self, node: ast.AST, least: int = SUM) -> str:
        """The form, in parentheses if it holds less than `least`."""
        form, strength = self.visit(node)
        return form if strength >= least else rf"\left({form}\right)"

    def visit(self, node: ast.AST) -> Form:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | complex):
            form = number(node.value)
            return form, PRODUCT if "^" in form or "\\" in form else ATOM  # 2.5 10^{-7}, and 3 i
        known: dict[type, Callable[..., Form]] = {
            ast.Name: self._name,
            ast.UnaryOp: self._sign,
            ast.BinOp: self._operation,
            ast.Compare: self._comparison,
            ast.BoolOp: self._alternatives,
            ast.List: self._vector,
            ast.Tuple: self._vector,
            ast.Call: self._call,
        }
        if type(node) not in known:
            raise ExpressionError(f"{type(node).__name__} has no form")
        return known[type(node)](node)

    def _name(self, node: ast.Name) -> Form:
        base, _, suffix = node.id.rpartition("_")
        along = self._split(suffix) if base in self.states and suffix else None
        if along:
            pairs = [(axis, str(len(list(run)))) for axis, run in groupby(along)]
            form = self._derivative(symbol(base), pairs)
            return form.replace(r"\partial", r"\mathrm{d}") if base in self.numbers else form, PRODUCT
        return symbol(node.id), ATOM

    def _split(self, suffix: str) -> list[str] | None:
        """``xxy`` as axes, or None."""
        found = []
        while suffix:
            axis = next((a for a in self.axes if suffix.startswith(a)), None)
            if axis is None:
                return None
            found.append(axis)
            suffix = suffix[len(axis) :]
        return found

    @staticmethod
    def _derivative(operand: str, pairs: Sequence[tuple[str, str]]) -> str:
        def power(count: str) -> str:
            return "" if count == "1" else f"^{{{count}}}"

        below = r"\,".join(rf"\partial {symbol(axis)}{power(count)}" for axis, count in pairs)
        counts = [count for _, count in pairs]
        total = str(sum(map(int, counts))) if all(c.isdigit() for c in counts) else "+".join(counts)
        above = rf"\partial{power(total)} {operand}"
        if len(operand) > 24 or operand.startswith(r"\left("):
            return rf"\frac{{\partial{power(total)}}}{{{below}}}{operand}"
        return rf"\frac{{{above}}}{{{below}}}"

    def _sign(self, node: ast.UnaryOp) -> Form:
        if isinstance(node.op, ast.Not):
            return rf"\text{{not }}{self.text(node.operand, ATOM)}", SUM
        sign = "-" if isinstance(node.op, ast.USub) else "+"
        return f"{sign}{self.text(node.operand, PRODUCT)}", SUM

    def _operation(self, node: ast.BinOp) -> Form:
        if isinstance(node.op, ast.Add | ast.Sub):
            sign, least = ("+", SUM) if isinstance(node.op, ast.Add) else ("-", PRODUCT)
            right = self.text(node.right, least)
            if right.startswith(("-", "+")):
                right = rf"\left({right}\right)"
            return f"{self.text(node.left)} {sign} {right}", SUM
        if isinstance(node.op, ast.Div):
            return rf"\frac{{{self.text(node.left)}}}{{{self.text(node.right)}}}", PRODUCT
        if isinstance(node.op, ast.Mult):
            return self._product(node)
        return self._power(node.left, self.text(node.right)), POWER

    def _product(self, node: ast.BinOp) -> Form:
        left, strength = self.visit(node.left)
        signed = isinstance(
            _first_factor(node), ast.UnaryOp
        )  # -a*b needs no parentheses, but is a sum to what is around it
        if strength < PRODUCT and not signed:
            left = rf"\left({left}\right)"
        right = self.text(node.right, PRODUCT)
        between = r"\cdot " if right[:1].isdigit() else r"\,"
        return f"{left}{between}{right}", SUM if signed else PRODUCT

    def _power(self, base: ast.expr, exponent: str) -> str:
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id in NAMED:
            return rf"{NAMED[base.func.id]}^{{{exponent}}}{self._arguments(base.args)}"
        return f"{self.text(base, ATOM)}^{{{exponent}}}"

    def _comparison(self, node: ast.Compare) -> Form:
        parts = [self.text(node.left)]
        for relation, right in zip(node.ops, node.comparators):
            parts += [RELATIONS[type(relation)], self.text(right)]
        return " ".join(parts), SUM

    def _alternatives(self, node: ast.BoolOp) -> Form:
        word = r"\text{ and }" if isinstance(node.op, ast.And) else r"\text{ or }"
        return word.join(self.text(value) for value in node.values), SUM

    def _vector(self, node: ast.List | ast.Tuple) -> Form:
        rows = r"\\".join(self.text(element) for element in node.elts)
        return rf"\begin{{pmatrix}}{rows}\end{{pmatrix}}", ATOM

    def _arguments(self, nodes: Sequence[ast.AST]) -> str:
        return rf"\left({', '.join(self.text(node) for node in nodes)}\right)"

    def _call(self, node: ast.Call) -> Form:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in ("noise", "uniform_noise"):
            return rf"{self.text(node.args[0], PRODUCT)}\,\xi" if node.args else r"\xi", PRODUCT
        special = {"d": self._d, "where": self._where, "sum": self._sum, "dot": self._dot}
        special |= {"integral": self._integral, "face": self._face}
        if name in special and node.args:
            return special[name](node.args)
        if name in PREFIXES and len(node.args) == 1:
            operand = self.text(node.args[0], POWER)
            return f"{PREFIXES[name]} {operand}", PRODUCT
        if name in ENCLOSURES and len(node.args) == 1:
            before, after = ENCLOSURES[name]
            return f"{before}{self.text(node.args[0])}{after}", ATOM
        if name == "exp" and len(node.args) == 1 and not _is_tall(node.args[0]):
            return rf"\mathrm{{e}}^{{{self.text(node.args[0])}}}", POWER
        if name == "besselj" and len(node.args) == 2:
            return f"J_{{{self.text(node.args[0])}}}{self._arguments(node.args[1:])}", ATOM
        if name in self.states:
            return f"{symbol(name)}{self._arguments(node.args)}", ATOM
        word = NAMED.get(name) or rf"\operatorname{{{name}}}"
        return f"{word}{self._arguments(node.args)}", ATOM

    def _d(self, nodes: Sequence[ast.expr]) -> Form:
        """d(w, x, 2, y) and d(w, x)."""
        pairs: list[tuple[str, str]] = []
        for node in nodes[1:]:
            if isinstance(node, ast.Name) and node.id in self.axes:
                pairs.append((node.id, "1"))
            elif pairs:
                pairs[-1] = (pairs[-1][0], self.text(node))
        if not pairs:
            return rf"\mathrm{{d}}{self._arguments(nodes)}", PRODUCT
        return self._derivative(self.text(nodes[0], ATOM), pairs), PRODUCT

    def _where(self, nodes: Sequence[ast.expr]) -> Form:
        if len(nodes) != 3:
            return rf"\operatorname{{where}}{self._arguments(nodes)}", ATOM
        condition, yes, no = (self.text(node) for node in nodes)
        rows = rf"{yes} & \text{{if }} {condition} \\ {no} & \text{{otherwise}}"
        return rf"\begin{{cases}}{rows}\end{{cases}}", SUM

    def _dot(self, nodes: Sequence[ast.expr]) -> Form:
        return r"\cdot ".join(self.text(node, ATOM) for node in nodes), PRODUCT

    def _integral(self, nodes: Sequence[ast.expr]) -> Form:
        """integral(w), over the whole domain, and integral(w, s), over the variable s."""
        over = r"\mathrm{d}V" if len(nodes) == 1 else rf"\mathrm{{d}}{self.text(nodes[-1])}"
        return rf"\int {self.text(nodes[0], PRODUCT)}\,{over}", SUM

    def _face(self, nodes: Sequence[ast.expr]) -> Form:
        """face(w, x, right)"""
        where = r"\,".join(node.id if isinstance(node, ast.Name) else self.text(node) for node in nodes[1:])
        return rf"\left.{self.text(nodes[0], PRODUCT)}\right|_{{\mathrm{{{where}}}}}", ATOM

    def _sum(self, nodes: Sequence[ast.expr]) -> Form:
        if len(nodes) != 4:
            return rf"\operatorname{{sum}}{self._arguments(nodes)}", ATOM
        what, index, first, last = (self.text(node) for node in nodes)
        return rf"\sum_{{{index}={first}}}^{{{last}}} {what}", SUM


def _first_factor(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        node = node.left
    return node


def _is_tall(node: ast.AST) -> bool:
    """Whether it had better not stand in an exponent."""
    return any(isinstance(n, ast.Div | ast.Call) for n in ast.walk(node))


def expression_latex(
    text: object, states: Sequence[str] = (), axes: Sequence[str] = COORDINATES, numbers: Sequence[str] = ()
) -> str:
    r"""An expression of the language as LaTeX; a text that is none, as text.

    Parameters
    ----------
    text : str or number
    states : sequence of str
        Names of which ``u_x`` is a derivative.
    axes : sequence of str
        Names of the coordinates; by default the usual ones.
    numbers : sequence of str
        Those of the states that depend on time only.

    Examples
    --------
    >>> expression_latex("u_xx/2 - exp(-k*t)*sin(x)**2", ["u"])
    '\\frac{\\frac{\\partial^{2} u}{\\partial x^{2}}}{2} - \\mathrm{e}^{-k\\,t}\\,\\sin^{2}\\left(x\\right)'
    """
    try:
        return _LatexWriter(states, axes, numbers).text(syntax(text))
    except (ExpressionError, KeyError, RecursionError):
        plain = re.sub(r"[\\{}$&#^_~%]", " ", str(text))
        return rf"\text{{{plain}}}"


def equations_latex(pde: PDE, axes: Sequence[str] = COORDINATES) -> list[str]:
    r"""The equations and definitions of a PDE as LaTeX, one by one, as they are written.

    Examples
    --------
    >>> equations_latex(PDE("u_t = D*laplace(u) + f", parameters={"D": 1, "f": 0}))
    ['\\frac{\\partial u}{\\partial t} = D\\,\\nabla^{2} u + f']
    """
    states = (*pde.unknowns, *pde.definitions)
    found = []
    for left, right in pde.sides:
        sides = [expression_latex(side, states, axes, pde.scalars) for side in (left, right)]
        found.append(" = ".join(sides))
    if pde.rhs is not None:
        name = getattr(pde.rhs, "__name__", "rhs").strip("<>").replace("_", " ")
        for unknown in pde.unknowns:
            found.append(rf"\frac{{\partial {symbol(unknown)}}}{{\partial t}} = \text{{{name}}}_{{{symbol(unknown)}}}")
    for name, text in pde.definitions.items():
        found.append(f"{symbol(name)} = {expression_latex(text, states, axes)}")
    return found


def pde_latex(pde: PDE) -> str:
    """All equations of a PDE, for notebooks."""
    lines = r" \\ ".join(line.replace(" = ", " &= ", 1) for line in equations_latex(pde))
    return rf"$\displaystyle \begin{{aligned}} {lines} \end{{aligned}}$"
