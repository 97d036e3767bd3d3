"""Compiled sweeps along the lines of an axis: the divergence of fluxes by limited schemes, for all equations of the axis at once.

Lines are taken in bundles (`pdekit.kernels.line_passes`), small enough for the second-level cache: states with nodes beyond the
faces, fluxes at nodes, fluxes between nodes, their differences. The arithmetic of reconstructions is that of
`pdekit.discretize.reconstruction`, compiled; what stands around it is written for the equations.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from pdekit.discretize import reconstruction
from pdekit.discretize.numerical_fluxes import POSITIVE_COURANT, ROOM
from pdekit.discretize.physical_fluxes import BETWEEN, DEPENDENT, IMAGINARY, PhysicalFluxes
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.term_protocol import FluxSweep, NotCompiled
from pdekit.kernels import line_passes
from pdekit.kernels.cache import load
from pdekit.kernels.printer import scalar
from pdekit.language.flux_jacobians import inverse_in_symbols
from pdekit.typing import Array, Expression

BUNDLE_BYTES = 1_200_000  # of states, fluxes at and between nodes
WIDTHS = (32, 16, 8)  # lines of a bundle: whole vectors
RULES = {
    "periodic": line_passes.PERIODIC,
    "copy": line_passes.COPY,
    "reflect": line_passes.REFLECT,
    "slope": line_passes.SLOPE,
    "given": line_passes.GIVEN,
}


def indented(lines: Sequence[str], depth: int) -> list[str]:
    """Lines of code so many levels further in."""
    return ["    " * depth + line for line in lines]


@dataclass(frozen=True, eq=False)
class SweepSource:
    """The text of one sweep.

    Parameters
    ----------
    form : FluxSweep
    width : int
        Lines of a bundle.
    """

    form: FluxSweep
    width: int

    @property
    def physical(self) -> PhysicalFluxes:
        return self.form.interface.physical

    @property
    def ghosts(self) -> int:
        return self.form.interface.reconstruction.ghosts

    @property
    def row(self) -> int:
        """Numbers of a bundle that belong to one node."""
        return self.physical.size * self.width

    @property
    def fields(self) -> int:
        """Speeds whose greatest values are looked for: of every characteristic field, or of all together."""
        return self.physical.size if self.form.interface.by_characteristics else 1

    @cached_property
    def text(self) -> str:
        """The module."""
        parts = [self._functions(), self._at_nodes(), self._between()]
        if self.physical.positive:
            parts.append(self._kept_positive())
        return "\n\n\n".join([*parts, self._driver(), self._fastest()])

    # ---------------------------------------------------------------------------------------------------------- pieces

    def _functions(self) -> str:
        """The reconstruction, and roots that are no numbers where there are none."""
        lines = [
            "from pdekit.discretize import reconstruction as _reconstruction",
            "from pdekit.kernels.line_passes import fill_ghosts, gather, scatter",
        ]
        function = self.form.interface.reconstruction.function
        if function is not None:
            options = "error_model='numpy', fastmath=FAST"
            lines.append(f"value = _numba_njit({options})(_reconstruction.{function.__name__})")
            lines.insert(0, "from numba import njit as _numba_njit")
        # The source of the arithmetic is part of the text, so that a changed function is compiled anew.
        lines += (
            [f"# {line}" for line in inspect.getsource(reconstruction).splitlines() if line.strip()] if function else []
        )
        lines += [f"# {line}" for line in inspect.getsource(line_passes).splitlines() if line.strip()]
        return "\n".join(lines)

    def _names(self, states: Sequence[str], own: str) -> dict[Any, Any]:
        """What stands for the symbols of an expression; `own`: the coordinate along the line."""
        fixed, axis = self.physical.fixed, self.physical.axis
        axes, parameters = fixed[: self.form.dimensions], fixed[self.form.dimensions + 1 :]
        names: dict[Any, Any] = {a: sp.Symbol(own if str(a) == axis else f"c_{a}") for a in axes}
        names[fixed[len(axes)]] = sp.Symbol("t")
        names |= {p: sp.Symbol(f"p_{k}") for k, p in enumerate(parameters)}
        return names | {u: sp.Symbol(name) for u, name in zip(self.physical.states, states)}

    def _assigned(
        self, targets: Sequence[str], expressions: Sequence[Expression], names: dict[Any, Any], mark: str
    ) -> list[str]:
        """Assignments, common parts first."""
        temporaries = (sp.Symbol(f"{mark}{k}_") for k in range(10_000))
        parts, bodies = sp.cse([sp.sympify(e).xreplace(names) for e in expressions], symbols=temporaries)
        lines = [f"{name} = {scalar(part)}" for name, part in parts]
        return lines + [f"{target} = {scalar(body)}" for target, body in zip(targets, bodies)]

    def _roots(self, names: dict[Any, Any], mark: str) -> list[str]:
        """Roots of radicands; no numbers where a radicand is negative by more than rounding."""
        closed = self.physical.closed_form
        assert closed is not None
        lines = []
        for k, (root, radicand, square) in enumerate(closed.roots):
            lines += self._assigned([f"{mark}e", f"{mark}q"], [radicand, square], names, f"{mark}{k}r")
            names[root] = sp.Symbol(f"{mark}s{k}")
            lines.append(f"{mark}z = np.sqrt(abs({mark}e))")
            beyond = f"{mark}e < {-IMAGINARY} * ({mark}q + abs({mark}e))"
            lines.append(f"{mark}s{k} = np.nan if {beyond} else (0.0 if {mark}e < 0.0 else {mark}z)")
        return lines

    def _empty(self, states: Sequence[str]) -> str:
        """Where nothing flows, as a condition; nothing if that is nowhere."""
        found = dict(zip(self.physical.states, states))
        return " or ".join(f"{found[e]} <= {floor!r}" for e, floor in self.physical.positive if e in found)

    def _fluxes_and_speeds(self, states: Sequence[str], own: str, mark: str) -> list[str]:
        """Fluxes ``{mark}f{k}``, speeds ``{mark}l{k}`` and the greatest of their moduli ``{mark}a`` of states in local names."""
        closed, m = self.physical.closed_form, self.physical.size
        assert closed is not None
        names = self._names(states, own)
        lines = self._roots(names, mark)
        targets = [f"{mark}f{k}" for k in range(m)] + [f"{mark}l{k}" for k in range(m)]
        lines += self._assigned(targets, [*self.physical.fluxes, *closed.values], names, f"{mark}x")
        empty = self._empty(states)
        if empty:
            lines.append(f"{mark}n = {empty}")
            lines += [f"{target} = 0.0 if {mark}n else {target}" for target in targets]
        lines += [f"{mark}l{k} = abs({mark}l{k})" for k in range(m)]
        lines.append(f"{mark}a = {mark}l0")
        return lines + [f"{mark}a = {mark}l{k} if {mark}l{k} > {mark}a else {mark}a" for k in range(1, m)]

    def _speeds_between(self, below: str, above: str, own: str, target: str) -> list[str]:
        """The speeds of a scalar at states between two, where they are greater than what a name holds."""
        closed, lines = self.physical.closed_form, []
        assert closed is not None
        for k, share in enumerate(BETWEEN):
            lines.append(f"{target}m = {1 - share!r}*{below} + {share!r}*{above}")
            lines += self._assigned([f"{target}l"], closed.values, self._names([f"{target}m"], own), f"{target}{k}x")
            lines += [f"{target}l = abs({target}l)", f"{target} = {target}l if {target}l > {target} else {target}"]
        return lines

    @property
    def _arguments(self) -> str:
        others = [f"C_{a}" for a in self.physical.fixed[: self.form.dimensions] if str(a) != self.physical.axis]
        return ", ".join(["U", "F", "S", "A", "H", "nodes", "line", "t", "P", "begin", "step", *others])

    def _function(self, name: str, body: Sequence[str]) -> str:
        head = ["@njit(nogil=True, error_model='numpy', fastmath=FAST)", f"def {name}({self._arguments}):"]
        parameters = self.physical.fixed[self.form.dimensions + 1 :]
        used = "\n".join(body)
        given = [f"p_{k} = P[{k}]" for k in range(len(parameters)) if f"p_{k}" in used]
        return "\n".join([*head, *indented([*given, *body], 1)])

    def _lanes(self, body: Sequence[str]) -> list[str]:
        """A loop over the lines of a bundle, with the coordinates of the lines."""
        others = [a for a in self.physical.fixed[: self.form.dimensions] if str(a) != self.physical.axis]
        used = "\n".join(body)
        given = [f"c_{a} = C_{a}[uintp(line) + b]" for a in others if f"c_{a}" in used]
        return [f"for b_ in range({self.width}):", "    b = uintp(b_)", *indented([*given, *body], 1)]

    def _load(self, array: str, name: str, shift: int, k: int) -> str:
        """A local name for an entry of a bundle: of equation k, `shift` nodes further."""
        return f"{name} = {array}[at + uintp({shift * self.row + k * self.width}) + b]"

    # -------------------------------------------------------------------------------------------------------- functions

    def _at_nodes(self) -> str:
        """Fluxes and speeds at all nodes, and the greatest speeds of every line."""
        m, w = self.physical.size, self.width
        lane = [self._load("U", f"u{k}", 0, k) for k in range(m)]
        lane += self._fluxes_and_speeds([f"u{k}" for k in range(m)], "x", "n")
        lane += [f"F[at + uintp({k * w}) + b] = nf{k}" for k in range(m)]
        lane += [f"S[uintp(i*{w}) + b] = na"]
        speeds = [f"nl{k}" for k in range(m)] if self.fields > 1 else ["na"]
        if not self.physical.is_convex:
            lane += ["nb = na", f"if i + 1 < nodes + {2 * self.ghosts}:"]
            lane += indented([self._load("U", "v0", 1, 0), *self._speeds_between("u0", "v0", "x", "nb")], 1)
            speeds = ["nb"]
        for k, speed in enumerate(speeds):
            place = f"A[uintp({k * w}) + b]"
            lane += [f"g{k} = {place}", f"{place} = {speed} if {speed} > g{k} else g{k}"]
        body = [
            f"for k in range({self.fields * w}):",
            "    A[uintp(k)] = 0.0",
            f"for i in range(nodes + {2 * self.ghosts}):",
            f"    at, x = uintp(i*{self.row}), begin + step*(i - {self.ghosts})",
            *indented(self._lanes(lane), 1),
        ]
        if self.form.interface.has_walls and self.fields > 1:
            body += [f"for b in range({w}):", "    top = 0.0"]
            body += [f"    top = max(top, A[uintp({k * w}) + b])" for k in range(self.fields)]
            body += [f"    A[uintp({k * w}) + b] = top" for k in range(self.fields)]
        return self._function("at_nodes", body)

    def _between(self) -> str:
        """The fluxes between nodes."""
        of = self.form.interface.reconstruction.of
        if of == "nodes":
            lane = self._rusanov_of_nodes(0, [f"v{k}" for k in range(self.physical.size)])
            loops = [self._lanes([*lane, *self._stored("v")])]
        elif of == "states":
            loops = [self._lanes([*self._limited_states(), *self._stored("v")])]
        elif self.form.interface.by_characteristics:
            loops = [self._lanes([*self._by_characteristics(), *self._stored("v")])]
        else:
            loops = [self._lanes(self._split_component(k)) for k in range(self.physical.size)]
        between = [
            "for i in range(nodes + 1):",
            f"    at, x = uintp(i*{self.row}), begin + step*(i - 0.5)",
            *(line for lanes in loops for line in indented(lanes, 1)),
        ]
        return self._function("between", between)

    def _stored(self, mark: str) -> list[str]:
        return [f"H[at + uintp({k * self.width}) + b] = {mark}{k}" for k in range(self.physical.size)]

    def _rusanov_of_nodes(self, shift: int, targets: Sequence[str]) -> list[str]:
        """Rusanov's fluxes of two nodes, the first `shift` nodes after that of the row; leaves their speed in ``ra``."""
        w, lines = self.width, []
        for side, s in (("b", shift), ("c", shift + 1)):
            lines += [f"r{side} = S[uintp((i + {s})*{w}) + b]"]
            for k in range(self.physical.size):
                lines += [self._load("U", f"r{side}u{k}", s, k), self._load("F", f"r{side}f{k}", s, k)]
        lines.append("ra = rc if rc > rb else rb")
        if not self.physical.is_convex:
            lines += ["xl = x - 0.5*step", *self._speeds_between("rbu0", "rcu0", "xl", "ra")]
        return lines + [f"{target} = 0.5*(rbf{k} + rcf{k} - ra*(rcu{k} - rbu{k}))" for k, target in enumerate(targets)]

    @staticmethod
    def _halves(flux: Sequence[str], state: Sequence[str], a: str) -> str:
        """The sum of both reconstructed halves of a split flux."""
        plus = [f"0.5*({f} + {a}*{u})" for f, u in zip(flux, state)]
        minus = [f"0.5*({f} - {a}*{u})" for f, u in zip(flux, state)]
        return f"value({', '.join(plus[:-1])}) + value({', '.join(minus[:0:-1])})"

    def _split_component(self, k: int) -> list[str]:
        near = range(2 * self.ghosts)
        lines = [f"a = {ROOM}*A[b]"]
        for s in near:
            lines += [self._load("U", f"u{s}", s, k), self._load("F", f"f{s}", s, k)]
        sum_of_halves = self._halves([f"f{s}" for s in near], [f"u{s}" for s in near], "a")
        return [*lines, f"H[at + uintp({k * self.width}) + b] = {sum_of_halves}"]

    def _eigenvectors(self, before: int) -> list[str]:
        """Right (``r{k}{j}``) and left (``l{j}{k}``) eigenvectors at the mean of two nodes, the first `before` nodes after the row's;
        ``lost`` where there are none, and unit vectors stand there."""
        m, closed = self.physical.size, self.physical.closed_form
        assert closed is not None
        states, lines = [f"m{k}" for k in range(m)], []
        for k in range(m):
            lines += [self._load("U", f"mb{k}", before, k), self._load("U", f"mc{k}", before + 1, k)]
            lines.append(f"m{k} = 0.5*(mb{k} + mc{k})")
        names = self._names(states, "x")
        lines += self._roots(names, "e")
        entries, adjugate, determinant = inverse_in_symbols(m)
        right = [closed.vectors[j][k] for k in range(m) for j in range(m)]
        lines += self._assigned([str(e) for e in entries], right, names, "ex")
        lines += self._assigned(
            [f"l{j}{k}" for j in range(m) for k in range(m)] + ["det"], [*adjugate, determinant], {}, "ix"
        )
        squares = [" + ".join(f"r{k}{j}*r{k}{j}" for k in range(m)) for j in range(m)]
        lines.append(f"lost = not (det*det > {DEPENDENT**2}*{'*'.join(f'({s})' for s in squares)})")
        empty = self._empty(states)
        lines += [f"lost = lost or {empty}"] if empty else []
        for j in range(m):
            for k in range(m):
                unit = "1.0" if j == k else "0.0"
                lines += [f"l{j}{k} = {unit} if lost else l{j}{k}/det", f"r{j}{k} = {unit} if lost else r{j}{k}"]
        return lines

    def _by_characteristics(self) -> list[str]:
        m, near, w = self.physical.size, range(2 * self.ghosts), self.width
        lines = self._eigenvectors(self.ghosts - 1)
        for s in near:
            for k in range(m):
                lines += [self._load("U", f"u{k}_{s}", s, k), self._load("F", f"f{k}_{s}", s, k)]
        lines.append("overall = A[b]")
        for j in range(1, m):
            lines += [f"a{j} = A[uintp({j * w}) + b]", f"overall = a{j} if a{j} > overall else overall"]
        for j in range(m):
            lines.append(f"a = {ROOM}*(overall if lost else A[uintp({j * w}) + b])")
            for s in near:
                lines.append(f"cf{s} = " + " + ".join(f"l{j}{k}*f{k}_{s}" for k in range(m)))
                lines.append(f"cu{s} = " + " + ".join(f"l{j}{k}*u{k}_{s}" for k in range(m)))
            lines.append(f"h{j} = " + self._halves([f"cf{s}" for s in near], [f"cu{s}" for s in near], "a"))
        return lines + [f"v{k} = " + " + ".join(f"r{k}{j}*h{j}" for j in range(m)) for k in range(m)]

    def _limited_states(self) -> list[str]:
        """Rusanov's flux of limited linear states."""
        m, lines = self.physical.size, []
        characteristic = self.form.interface.by_characteristics
        if characteristic:
            lines += self._eigenvectors(1)
        for k in range(m):
            lines += [self._load("U", f"u{k}_{s}", s, k) for s in range(4)]
            lines += [f"d{k}_{s} = u{k}_{s + 1} - u{k}_{s}" for s in range(3)]
        for j in range(m):
            if characteristic:
                lines += [f"w{s} = " + " + ".join(f"l{j}{k}*d{k}_{s}" for k in range(m)) for s in range(3)]
            else:
                lines += [f"w{s} = d{j}_{s}" for s in range(3)]
            lines += [f"down{j} = value(w0, w1)", f"up{j} = value(w1, w2)"]
        empty = " or ".join(filter(None, (self._empty([f"u{k}_{s}" for k in range(m)]) for s in range(4))))
        lines += [f"flat = 0.0 if {empty} else 0.5"] if empty else ["flat = 0.5"]
        for k in range(m):
            down, up = f"down{k}", f"up{k}"
            if characteristic:
                down, up = (f"({' + '.join(f'r{k}{j}*{way}{j}' for j in range(m))})" for way in ("down", "up"))
            lines += [f"b{k} = u{k}_1 + flat*{down}", f"c{k} = u{k}_2 - flat*{up}"]
        if self.physical.positive:
            for name, node in (("b", 1), ("c", 2)):
                lines += self._share(
                    [f"{name}{k}" for k in range(m)], [f"u{k}_{node}" for k in range(m)], "x", "x", f"z{name}"
                )
                lines += [f"{name}{k} = u{k}_{node} + z{name}*({name}{k} - u{k}_{node})" for k in range(m)]
        lines += self._fluxes_and_speeds([f"b{k}" for k in range(m)], "x", "y")
        lines += self._fluxes_and_speeds([f"c{k}" for k in range(m)], "x", "z")
        lines.append("a = za if za > ya else ya")
        if not self.physical.is_convex:
            lines += self._speeds_between("b0", "c0", "x", "a")
        return lines + [f"v{k} = 0.5*(yf{k} + zf{k} - a*(c{k} - b{k}))" for k in range(m)]

    def _share(self, wanted: Sequence[str], safe: Sequence[str], own: str, own_safe: str, target: str) -> list[str]:
        """How far one may go from safe states to wanted ones: see `pdekit.discretize.numerical_fluxes`."""
        lines = [f"{target} = 1.0"]
        for k, (expression, floor) in enumerate(self.physical.positive):
            high, low = f"{target}h{k}", f"{target}g{k}"
            lines += self._assigned([high], [expression - floor], self._names(wanted, own), f"{target}{k}v")
            lines += self._assigned([low], [expression - floor], self._names(safe, own_safe), f"{target}{k}w")
            lines.append(f"{low} = {low} if {low} > 0.0 else 0.0")
            lines.append(f"{target}q = 1.0 if {high} >= 0.0 else {low}/({low} - {high})")
            lines.append(f"{target}q = {target}q if {target}q >= 0.0 else 0.0")
            lines.append(f"{target} = {target}q if {target}q < {target} else {target}")
        return lines

    def _kept_positive(self) -> str:
        """Fluxes that leave nothing negative."""
        m, w, g = self.physical.size, self.width, self.ghosts
        lane = ["twice = A[b]"]
        lane += self._rusanov_of_nodes(g - 1, [f"v{k}" for k in range(m)])
        lane += [self._load("H", f"h{k}", 0, k) for k in range(m)]
        for side, sign in (("b", "-"), ("c", "+")):
            lane += [f"k{side}{k} = r{side}u{k} {sign} twice*h{k}" for k in range(m)]
            lane += [f"j{side}{k} = r{side}u{k} {sign} twice*v{k}" for k in range(m)]
            place = f"{'xb' if side == 'b' else 'xc'}"
            lane += self._share(
                [f"k{side}{k}" for k in range(m)], [f"j{side}{k}" for k in range(m)], place, place, f"z{side}"
            )
        lane.append("share = zb if zb < zc else zc")
        for k in range(m):
            lane += [f"q{k} = h{k} - v{k}", f"q{k} = q{k} if abs(q{k}) < np.inf else 0.0"]
            lane.append(f"H[at + uintp({k * w}) + b] = v{k} + share*q{k}")
        body = [
            f"for b in range({w}):",
            "    A[uintp(b)] = 0.0",
            "for i in range(nodes + 2):",
            f"    for b in range({w}):",
            f"        s = S[uintp((i + {g - 1})*{w} + b)]",
            "        A[uintp(b)] = s if s > A[uintp(b)] else A[uintp(b)]",
            f"for b in range({w}):",
            f"    A[uintp(b)] = {2 * POSITIVE_COURANT}/A[uintp(b)] if A[uintp(b)] > 0.0 else 0.0",
            "for i in range(nodes + 1):",
            f"    at, xb, xc = uintp(i*{self.row}), begin + step*(i - 1), begin + step*i",
            *indented(self._lanes(lane), 1),
        ]
        return self._function("keep_positive", body)

    def _driver(self) -> str:
        m, w = self.physical.size, self.width
        outputs = [f"D{k}" for k in range(m) if k in self.form.wanted]
        each = [f"at_nodes({self._arguments})", f"between({self._arguments})"]
        each += [f"keep_positive({self._arguments})"] if self.physical.positive else []
        each += [
            f"scatter({name}, H, 1.0/step, nodes, first, along, across, count, {int(name[1:]) * w}, {self.row})"
            for name in outputs
        ]
        return self._bundles("sweep", outputs, ["H = np.empty((nodes + 1)*" + f"{self.row})"], each, [])

    def _fastest(self) -> str:
        """The greatest speed at all nodes and beyond faces."""
        each = [
            f"at_nodes({self._arguments})",
            f"for k in range({self.fields * self.width}):",
            "    top = A[k] if A[k] > top else top",
        ]
        return self._bundles("fastest", [], ["H = np.empty(0)", "top = 0.0"], each, ["return top"])

    def _bundles(
        self, name: str, outputs: Sequence[str], before: Sequence[str], each: Sequence[str], after: Sequence[str]
    ) -> str:
        """A loop over bundles of lines."""
        m, w, g = self.physical.size, self.width, self.ghosts
        others = [f"C_{a}" for a in self.physical.fixed[: self.form.dimensions] if str(a) != self.physical.axis]
        head = ["lo", "hi", "nodes", "inner", "lines", "t", "P", "begin", "step", "rules", "slopes", *others]
        head += [*(f"Y{k}" for k in range(m)), *outputs]
        body = [
            f"U, F = np.empty((nodes + {2 * g})*{self.row}), np.empty((nodes + {2 * g})*{self.row})",
            f"S, A = np.empty((nodes + {2 * g})*{w}), np.empty({self.fields * w})",
            *before,
            f"per = (inner + {w - 1})//{w}",
            "for bundle in range(lo, hi):",
            "    if inner > 1:",
            f"        outer, r = bundle//per, (bundle % per)*{w}",
            f"        count, line, first, along, across = min({w}, inner - r), outer*inner + r, outer*nodes*inner + r, inner, 1",
            "    else:",
            f"        line = bundle*{w}",
            f"        count, first, along, across = min({w}, lines - line), line*nodes, 1, max(nodes, 2)",
        ]
        for k in range(m):
            body += [
                f"    gather(U, Y{k}, {g}, nodes, first, along, across, count, {w}, {k * w}, {self.row})",
                f"    fill_ghosts(U, rules[{k}], slopes[{k}], step, {g}, nodes, line, {w}, {k * w}, {self.row})",
            ]
        body += [*indented(each, 1), *after]
        return "\n".join(["@njit(nogil=True)", f"def {name}({', '.join(head)}):", *indented(body, 1)])


class LineSweep:
    """The divergences of all fluxes of one axis, compiled.

    Parameters
    ----------
    system : SemiDiscrete
    form : FluxSweep
    outputs : mapping of int to array
        Where the divergence of the flux of an equation goes, by the equation's number among those of the axis.

    Raises
    ------
    NotCompiled
        The fluxes have no wave speeds in closed form, or functions that kernels do not have.
    """

    def __init__(self, system: SemiDiscrete, form: FluxSweep, outputs: dict[int, Array]) -> None:
        self.form, grid = form, system.grid
        physical = form.interface.physical
        if physical.closed_form is None:
            raise NotCompiled(f"the wave speeds along {physical.axis!r} have no closed form")
        if not physical.is_convex and physical.positive:
            raise NotCompiled(f"the flux along {physical.axis!r} is not convex, and something is to stay positive")
        symbols = [block.symbol for block in system.blocks]
        self.states = [symbols.index(state) for state in physical.states]
        self.nodes, self.inner = grid.shape[form.axis], int(np.prod(grid.shape[form.axis + 1 :], dtype=int))
        self.lines = grid.size // self.nodes
        per_line = 8 * (self.nodes + 6) * (3 * physical.size + 1)
        self.width = next((w for w in WIDTHS if w * per_line <= BUNDLE_BYTES), WIDTHS[-1])
        source = SweepSource(form, self.width)
        module = load(source.text)
        self.function: Callable[..., None] = module.sweep
        self._fastest: Callable[..., float] = module.fastest
        rules = [[*(RULES[rule] for rule in ends), int(kept)] for ends, kept in zip(form.ends, form.kept)]
        self.rules, self.slopes = np.array(rules), np.zeros((physical.size, 2, self.lines + self.width))
        self.begin, self.step = float(grid.axes[form.axis].nodes[0]), form.step
        self.parameters = np.array([*system.system.parameters.values()] or [0.0], dtype=float)
        self.others = [self._of_lines(c) for k, c in enumerate(grid.coordinates.values()) if k != form.axis]
        self.outputs = [outputs[k].reshape(-1) for k in sorted(outputs)]

    def _of_lines(self, values: Array) -> Array:
        """Values on the lines of the axis, with some more behind the last."""
        shape = [n for k, n in enumerate(self.form.shape) if k != self.form.axis]
        full = np.broadcast_to(np.take(values, [0], axis=self.form.axis).squeeze(self.form.axis), shape).ravel()
        return np.concatenate([full, np.repeat(full[-1:], self.width)]).astype(float)

    @property
    def bundles(self) -> int:
        """Number of bundles of lines."""
        if self.inner == 1:
            return -(-self.lines // self.width)
        return self.lines // self.inner * -(-self.inner // self.width)

    def refresh(self, t: float, Y: Array) -> None:
        """Prescribed slopes and states beyond faces at a time."""
        for k, side, values in self.form.slopes(t, [Y[k] for k in self.states]):
            self.slopes[k, side] = self._of_lines(values)

    def work(self, t: float, Y: Array, part: int, parts: int) -> None:
        """A share of the bundles."""
        self.function(*self._arguments(t, Y, part, parts), *self.outputs)

    def fastest(self, t: float, Y: Array, part: int, parts: int) -> float:
        """The greatest wave speed in a share of the bundles."""
        return float(self._fastest(*self._arguments(t, Y, part, parts)))

    def _arguments(self, t: float, Y: Array, part: int, parts: int) -> list[Any]:
        edges = np.linspace(0, self.bundles, parts + 1).astype(int)
        fields = [Y[k].reshape(-1) for k in self.states]
        return [
            int(edges[part]), int(edges[part + 1]), self.nodes, self.inner, self.lines, float(t), self.parameters, self.begin,
            self.step, self.rules, self.slopes, *self.others, *fields,
        ]  # fmt: skip


def sweeps_of(system: SemiDiscrete, forms: Sequence[tuple[FluxSweep, Array]]) -> Iterator[LineSweep]:
    """One sweep for all terms of an axis, with the arrays of their divergences."""
    by_axis: dict[Any, list[tuple[FluxSweep, Array]]] = {}
    for form, output in forms:
        by_axis.setdefault(form.name, []).append((form, output))
    for group in by_axis.values():
        outputs = {form.own: output for form, output in group}
        yield LineSweep(system, group[0][0].of(tuple(sorted(outputs))), outputs)
