"""The default method beside py-pde, FiPy and scipy's BDF in a method of lines, as their users write it: time to the same error, in one run.

All problems are periodic, where the grids of cells of py-pde and FiPy carry the very same system of ordinary differential equations as
our nodes. The reference is that system's solution at a tolerance of 1e-10. BDF runs at rtol 1e-6; py-pde's tolerance and FiPy's step are
made finer until their error is below a thousandth, or a run takes longer than `PATIENCE`. Ours runs at the loosest of its tolerances
with no greater error than the peer of that row (or than a thousandth, where the peer did not come so far).
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import sparse
from scipy.integrate import solve_ivp

import pdekit as pk
from tests.benchmarks.timing import Row, best

TARGET = 1e-3
PATIENCE = 20.0
States = dict[str, np.ndarray]


@dataclass(frozen=True)
class Contest:
    """One problem: each unknown diffuses and reacts, and is carried along x where there is a speed.

    Parameters
    ----------
    title : str
    points, length, axes, end
        The ring or torus, and the time span.
    diffusivities : dict of str to float
    reactions : dict of str to str
        The rates, in the unknowns, as NumPy, SymPy and FiPy can read them.
    slopes : dict of (str, str) to str
        Their derivatives: of the first by the second.
    initial : dict of str to str
        In x and y.
    """

    title: str
    points: int
    length: float
    axes: str
    end: float
    diffusivities: dict[str, float]
    reactions: dict[str, str]
    slopes: dict[tuple[str, str], str]
    initial: dict[str, str]

    @property
    def names(self) -> list[str]:
        return list(self.diffusivities)

    def ours(self) -> pk.Problem:
        """The problem as a user of pdekit has it."""
        grid = pk.Grid({a: pk.Axis(0, self.length, self.points, periodic=True) for a in self.axes})
        rates = [f"{u}_t = {self.diffusivities[u]}*laplace({u}) + {self.reactions[u]}" for u in self.names]
        return pk.Problem(pk.PDE(rates), grid, initial=self.initial)

    def start(self) -> States:
        """The initial arrays."""
        return dict(self.ours().initial_fields())


def contests() -> Iterator[Contest]:
    """What is run."""
    waves = "sin(2*pi*x)*cos(2*pi*y) + exp(cos(2*pi*x))"
    yield Contest("heat, 128^2", 128, 1.0, "xy", 1.0, {"u": 0.05}, {"u": "0*u"}, {("u", "u"): "0*u"}, {"u": waves})
    cubic, slope = "u - u**3", "1 - 3*u**2"
    lumps = "cos(2*pi*x)*cos(4*pi*y)/2 + sin(6*pi*x)/4"
    yield Contest(
        "Allen-Cahn, 128^2", 128, 1.0, "xy", 4.0, {"u": 0.001}, {"u": cubic}, {("u", "u"): slope}, {"u": lumps}
    )
    yield brusselator(64, 5.0)
    spot = "exp(-(x - 20)**2/8)"
    yield Contest(
        "Fisher's front, 1-D, 1,000",
        1000,
        40.0,
        "x",
        8.0,
        {"u": 0.5},
        {"u": "u*(1 - u)"},
        {("u", "u"): "1 - 2*u"},
        {"u": spot},
    )


def brusselator(points: int, end: float, diffusivity: float = 0.02) -> Contest:
    """Two substances that oscillate."""
    return Contest(
        f"Brusselator, {points}^2",
        points,
        1.0,
        "xy",
        end,
        dict.fromkeys("uv", diffusivity),
        {"u": "1 + u**2*v - 4.4*u", "v": "3.4*u - u**2*v"},
        {("u", "u"): "2*u*v - 4.4", ("u", "v"): "u**2 + 0*v", ("v", "u"): "3.4 - 2*u*v", ("v", "v"): "-u**2 + 0*v"},
        {"u": "0.5 + sin(2*pi*y)/4", "v": "1 + 2*exp(cos(2*pi*x))"},
    )


def as_lines(contest: Contest) -> tuple[Callable[..., Any], Callable[..., Any], np.ndarray]:
    """Right-hand side, sparse Jacobian and initial vector, by hand."""
    n, h = contest.points, contest.length / contest.points
    one = sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)).tolil()
    one[0, -1] = one[-1, 0] = 1.0
    D = sparse.csr_array(one / h**2)
    eye = sparse.eye_array(n)
    laplacian = sparse.csr_array(D if len(contest.axes) == 1 else sparse.kron(D, eye) + sparse.kron(eye, D))
    names, start = contest.names, contest.start()
    rates = {u: compile(text, u, "eval") for u, text in contest.reactions.items()}
    slopes = {pair: compile(text, pair[0], "eval") for pair, text in contest.slopes.items()}

    def parts(y: np.ndarray) -> dict[str, Any]:
        return dict(zip(names, np.split(y, len(names))))

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        fields = parts(y)
        return np.concatenate(
            [contest.diffusivities[u] * (laplacian @ fields[u]) + eval(rates[u], {}, fields) for u in names]
        )

    def jacobian(t: float, y: np.ndarray) -> Any:
        fields = parts(y)
        blocks = [
            [
                sparse.diags_array(eval(slopes[u, v], {}, fields))
                + (contest.diffusivities[u] * laplacian if u == v else 0)
                for v in names
            ]
            for u in names
        ]
        return sparse.csc_matrix(sparse.block_array(blocks))

    return rhs, jacobian, np.concatenate([start[u].ravel() for u in names])


def by_scipy(contest: Contest, rtol: float = 1e-6) -> States:
    """scipy's BDF on the lines."""
    rhs, jacobian, y = as_lines(contest)
    size = {u: float(np.max(np.abs(a))) for u, a in contest.start().items()}
    atol = np.repeat([1e-3 * rtol * size[u] for u in contest.names], y.size // len(contest.names))
    found = solve_ivp(rhs, (0.0, contest.end), y, method="BDF", rtol=rtol, atol=atol, jac=jacobian)
    shape = (contest.points,) * len(contest.axes)
    return {u: part.reshape(shape) for u, part in zip(contest.names, np.split(found.y[:, -1], len(contest.names)))}


def by_py_pde(contest: Contest, tolerance: float) -> tuple[States, float]:
    """py-pde: compiled, explicit, adaptive; and the seconds that its steps took, for it compiles anew in every run."""
    import pde

    spans = [[0, contest.length]] * len(contest.axes)
    grid = pde.CartesianGrid(spans, contest.points, periodic=True)
    equations = pde.PDE({u: f"{contest.diffusivities[u]}*laplace({u}) + {contest.reactions[u]}" for u in contest.names})
    fields = [pde.ScalarField(grid, np.array(a, dtype=float), label=u) for u, a in contest.start().items()]
    state = fields[0] if len(fields) == 1 else pde.FieldCollection(fields, labels=contest.names)
    solver = pde.RungeKuttaSolver(equations, adaptive=True, tolerance=tolerance)
    control = pde.Controller(solver, t_range=contest.end, tracker=None)
    found = control.run(state, dt=1e-4)
    states = {u: (found if len(fields) == 1 else found[u]).data for u in contest.names}
    return states, float(control.info["profiler"]["solver"])


def by_fipy(contest: Contest, step: float) -> tuple[States, float]:
    """FiPy: implicit, with sweeps for what is not linear; and seconds."""
    import fipy

    n, h = contest.points, contest.length / contest.points
    mesh = fipy.PeriodicGrid1D(nx=n, dx=h) if len(contest.axes) == 1 else fipy.PeriodicGrid2D(nx=n, ny=n, dx=h, dy=h)
    start = contest.start()
    fields = {u: fipy.CellVariable(mesh=mesh, value=a.T.ravel(), hasOld=True) for u, a in start.items()}
    equations = {
        u: fipy.TransientTerm()
        == fipy.DiffusionTerm(coeff=contest.diffusivities[u]) + eval(contest.reactions[u], {}, fields)
        for u in contest.names
    }
    count, begun = int(np.ceil(contest.end / step - 1e-9)), clock.perf_counter()
    for _ in range(count):
        for field in fields.values():
            field.updateOld()
        for _ in range(2):
            for u, field in fields.items():
                equations[u].sweep(var=field, dt=contest.end / count)
    shape = (n,) * len(contest.axes)
    states = {u: np.array(field.value).reshape(shape).T for u, field in fields.items()}
    return states, clock.perf_counter() - begun


def error(found: States, known: States) -> float:
    """Greatest of all unknowns, beside their size."""
    return max(float(np.max(np.abs(found[u] - a)) / np.max(np.abs(a))) for u, a in known.items())


def refined(
    run: Callable[[float], tuple[States, float]], first: float, factor: float, known: States
) -> tuple[float, float]:
    """Seconds and error of the first run whose error is below the target, or of the one that took too long."""
    parameter = first
    while True:
        found, took = run(parameter)
        off = error(found, known)
        if off <= TARGET or took > PATIENCE:
            return took, off
        parameter *= factor


def versus(contest: Contest, peer: str, known: States, theirs: float, off: float) -> Row:
    """One line: our time over theirs, at an error no greater than theirs."""
    for rtol in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        mine = error(as_states(contest, rtol=rtol), known)
        if mine <= min(off, TARGET):
            break
    ours = best(lambda: as_states(contest, rtol=rtol), 3)
    words = f"1/{theirs / ours:.3g} ({ours * 1e3:.3g} ms, {mine:.0e} : {theirs * 1e3:.4g} ms, {off:.0e})"
    return Row(f"{contest.title}: over {peer}", words, "< 1")


def rows() -> Iterator[Row]:
    """All of them."""
    for contest in contests():
        known = as_states(contest, method="tsitouras", rtol=1e-10)
        mine = error(as_states(contest), known)
        yield Row(f"{contest.title}: our error by default", f"{mine:.1e}", f"<= {TARGET:g}")
        begun = clock.perf_counter()
        found = by_scipy(contest)
        took = clock.perf_counter() - begun
        yield versus(contest, "scipy's BDF", known, took, error(found, known))
        if find_spec("pde") is not None:
            yield versus(contest, "py-pde", known, *refined(lambda p, c=contest: by_py_pde(c, p), 1e-3, 0.1, known))
        if find_spec("fipy") is not None:
            first = contest.end / 20
            yield versus(contest, "FiPy", known, *refined(lambda p, c=contest: by_fipy(c, p), first, 0.25, known))
    yield against_bdf()


def as_states(contest: Contest, **options: Any) -> States:
    """Ours, from the problem on: nothing is known from before but what was compiled."""
    solution = contest.ours().solve(t_end=contest.end, frames=2, **options)
    return {u: solution[u].values for u in contest.names}


def against_bdf() -> Row:
    """The large one of issue 10."""
    contest = brusselator(128, 11.5)
    ours = best(lambda: as_states(contest), 2)
    begun = clock.perf_counter()
    other = by_scipy(contest)
    theirs = clock.perf_counter() - begun
    apart = error(as_states(contest), other)
    words = f"{ours / theirs:.3f} ({ours:.2f} s : {theirs:.1f} s; {apart:.0e} apart)"
    return Row("Brusselator 128^2 to 11.5: over scipy's BDF, sparse Jacobian", words, "<= 0.1")
