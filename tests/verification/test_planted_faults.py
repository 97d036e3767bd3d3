"""Faults are planted in the discretization, one at a time, and pdekit's own verification must find each: by the order that a study
observes, by the Jacobian that is compared, by what is conserved. Without a fault the same studies pass.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import pdekit as pk
from pdekit.boundary.conditions import BoundaryCondition
from pdekit.boundary.face_data import StateConditions
from pdekit.boundary.places import Face
from pdekit.discretize import derivatives, harmonic_mean
from pdekit.discretize.jacobian import JacobianPattern
from pdekit.discretize.program import Frame, Program
from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.convective_flux import ConvectiveFluxTerm
from pdekit.discretize.terms.diffusive_flux import DiffusiveFlux
from pdekit.geometry.coordinates import Measure
from pdekit.stencils import poles, rows, schemes
from pdekit.stencils.rows import AxisRows
from pdekit.time import exponential
from pdekit.time.implicit_explicit_tables import IMPLICIT_EXPLICIT_TABLEAUX
from pdekit.time.methods import METHODS, explicit_method, implicit_explicit_method
from pdekit.time.second_order import Verlet
from pdekit.time.splitting import Splitting
from pdekit.time.tables import TABLEAUX
from pdekit.time.theta import Theta

A, D, N, R = pk.Axis, pk.Dirichlet, pk.Neumann, pk.Robin


def line(equation: str, left: Any, right: Any, initial: Any = 1, **more: Any) -> pk.Problem:
    faces = {"x": {"left": left, "right": right}}
    names = ("u", "u_t") if "u_tt" in equation else ("u",)
    return pk.Problem(
        pk.PDE(equation),
        pk.Grid(x=A(0, 1, 9)),
        initial=dict.fromkeys(names, 0) | {"u": initial},
        boundary={"u": faces},
        **more,
    )


def ring(equation: str, **more: Any) -> pk.Problem:
    return pk.Problem(pk.PDE(equation), pk.Grid(x=A(0, 1, 16, periodic=True)), initial={"u": 1}, **more)


def plate() -> pk.Problem:
    grid = pk.Grid(x=A(0, 1, 7), y=A(0, 1, 7))
    faces = {"x": D(1), "y": D(1)}
    return pk.Problem(pk.PDE("u_t = laplace(u) + u_xy"), grid, initial={"u": 1}, boundary={"u": faces})


def ball(order: int) -> pk.Problem:
    grid = pk.Grid(r=A(0, 1, 8), coordinates="spherical")
    return pk.Problem(pk.PDE("u_t = laplace(u)"), grid, initial={"u": 1}, boundary={"u": {"r": D(1)}}, order=order)


def wall() -> pk.Problem:
    """Two layers: u falls by 0.37 and by 0.063 of 0.433, and is exact at the nodes."""
    grid = pk.Grid(x=A(0, 1, 11))
    exact = "1 - where(x < 0.37, x, 0.37 + (x - 0.37)/10)/(0.37 + 0.063)"
    pde = pk.PDE("0 = div(k*grad(u))", definitions={"k": "where(x < 0.37, 1, 10)"})
    faces = {"x": {"left": D(1), "right": D(0)}}
    return pk.Problem(pde, grid, boundary={"u": faces}, exact={"u": exact})


def coupled() -> pk.Problem:
    pde = pk.PDE(["c_t = c_xx - p + 1", "0 = p_xx - p + c"])
    faces = {"x": D(0)}
    return pk.Problem(pde, pk.Grid(x=A(0, 1, 9)), initial={"c": 1}, boundary={"c": faces, "p": faces})


REACTION = "u_t = 0.01*u_xx + u - u**3 + x*cos(3*t)"


def reaction(method: str) -> pk.Problem:
    time = pk.TimeSettings(end=1, method=method, compiled="never")
    return line(REACTION, D("1 + sin(3*t)"), N(1), "1 + x", time=time)


def in_space(
    make: Callable[[], pk.Problem], points: list[int], t_end: float | None = 0.1, **options: Any
) -> Callable[[], bool]:
    return lambda: bool(pk.converge(make(), points, t_end=t_end, **options).passed)


def in_time(make: Callable[[], pk.Problem], steps: list[float]) -> Callable[[], bool]:
    return lambda: bool(pk.converge(make(), steps=steps).passed)


def manufactured(
    make: Callable[[], pk.Problem], points: list[int], t_end: float = 0.1, **options: Any
) -> Callable[[], bool]:
    return in_space(make, points, t_end, against="manufactured", **options)


def conserved(make: Callable[[], pk.Problem], t_end: float, **options: Any) -> Callable[[], bool]:
    """The integral stays what it is, to rounding."""

    def holds() -> bool:
        solution = make().solve(t_end=t_end, **options)
        return abs(solution["u"].integral() - solution.frame("u", 0).integral()) < 1e-12

    return holds


def quasilinear() -> pk.Problem:
    return line("u_t = div((1 + x*u**2)*grad(u))", N(0), N(0), "1 + x**2")


def closed() -> pk.Problem:
    grid = pk.Grid(x=A(0, 1, 17, spacing={"tanh": 2.0}))
    return pk.Problem(
        pk.PDE("u_t = div((1 + x)*grad(u))"), grid, initial={"u": "x + x**2"}, boundary={"u": {"x": N(0)}}
    )


def burgers() -> pk.Problem:
    ends = pk.Grid(x=A(0, 1, 40, periodic=True))
    return pk.Problem(pk.PDE("u_t = -d(u**2/2, x)"), ends, initial={"u": "0.5 + sin(2*pi*x)"}, advection="weno5")


def jacobian() -> bool:
    return pk.check_jacobian(quasilinear()).passed


def jacobian_by_pattern() -> bool:
    """The second Jacobian comes from the pattern."""
    problem = quasilinear()
    problem.semidiscrete.expect_many_jacobians()
    return pk.check_jacobian(problem).passed


STUDIES: dict[str, Callable[[], bool]] = {
    "rod": manufactured(lambda: line("u_t = u_xx", D(1), R(2, 1)), [9, 17, 33]),
    "rod of order 4": manufactured(lambda: line("u_t = u_xx", N(1), D(1), order=4), [17, 33, 65]),
    "compact": manufactured(lambda: line("u_t = u_xx", D(1), D(1), schemes={"u_xx": "compact"}), [9, 17, 33], expect=4),
    "ring": manufactured(lambda: ring("u_t = 0.1*u_xx - u_x"), [16, 32, 64], 0.3),
    "upwind": manufactured(lambda: ring("u_t = -u_x", schemes={"u_x": "upwind"}), [16, 32, 64], 0.3, expect=3),
    "plate": manufactured(plate, [9, 17], 0.05),
    "ball": manufactured(lambda: ball(2), [8, 16, 32], 0.05),
    "ball of order 4": manufactured(lambda: ball(4), [8, 16, 32], 0.05),
    "wall": in_space(wall, [11, 21, 41], None),
    "coefficient in time": manufactured(lambda: line("u_t = div((1 + x + 0.5*sin(9*t))*grad(u))", D(1), D(1)), [9, 17], 0.2),
    "coupled": manufactured(coupled, [7, 13], 0.2),
    "rk4": in_time(lambda: reaction("rk4"), [0.1, 0.05, 0.025]),
    "ars443": in_time(lambda: reaction("ars443"), [0.1, 0.05, 0.025]),
    "crank_nicolson": in_time(lambda: reaction("crank_nicolson"), [0.1, 0.05, 0.025]),
    "linear crank_nicolson": in_time(
        lambda: line("u_t = u_xx", D("sin(3*t)"), N(1), "x", time=pk.TimeSettings(end=1, method="crank_nicolson")), [0.1, 0.05, 0.025]
    ),
    "verlet": in_time(
        lambda: line("u_tt = u_xx", D(0), D(0), "sin(pi*x)", time=pk.TimeSettings(end=1, method="verlet", compiled="never")),
        [0.04, 0.02, 0.01],
    ),
    "jacobian": jacobian,
    "jacobian by its pattern": jacobian_by_pattern,
    "mass of a closed rod": conserved(closed, 0.5),
    "mass behind a shock": conserved(burgers, 0.5),
}  # fmt: skip

Planting = Callable[[pytest.MonkeyPatch], None]


def changed(owner: Any, name: str, change: Callable[..., Any]) -> Planting:
    """Let `change` have the result of a function or method, and its arguments."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        right = getattr(owner, name)

        @functools.wraps(right)
        def wrong(*arguments: Any, **options: Any) -> Any:
            return change(right(*arguments, **options), *arguments, **options)

        patch.setattr(owner, name, wrong)

    return plant


def fed(owner: Any, name: str, change: Callable[..., tuple[Any, ...]]) -> Planting:
    """Let `change` have the positional arguments of a function or method first."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        right = getattr(owner, name)

        @functools.wraps(right)
        def wrong(*arguments: Any, **options: Any) -> Any:
            return right(*change(*arguments), **options)

        patch.setattr(owner, name, wrong)

    return plant


def entry(table: Any, key: str, value: Any) -> Planting:
    return lambda patch: patch.setitem(table, key, value)


def row_edited(rows_: AxisRows, edit: Callable[[Any, Any], None]) -> AxisRows:
    matrix, data = rows_.matrix.tolil(), rows_.data.tolil()
    edit(matrix, data)
    return replace(rows_, matrix=sparse.csr_array(matrix), data=sparse.csr_array(data))


def last_row_negated(found: Any, axis: Any, *_: Any, **__: Any) -> Any:
    def edit(matrix: Any, data: Any) -> None:
        matrix[-1] = -matrix[[-1]].toarray()

    return found if axis.periodic else row_edited(found, edit)


def data_negated(found: Any, axis: Any, *_: Any, **__: Any) -> Any:
    def edit(matrix: Any, data: Any) -> None:
        data[0] = -data[[0]].toarray()

    return found if axis.periodic or not found.data.nnz else row_edited(found, edit)


def wrapped_too_far(found: Any, axis: Any, *_: Any, **__: Any) -> Any:
    def edit(matrix: Any, data: Any) -> None:
        matrix[0, axis.size - 2], matrix[0, axis.size - 1] = matrix[0, axis.size - 1], 0.0

    return row_edited(found, edit) if axis.periodic else found


def middle_weight_off(found: Any, nodes: Any, at: Any, derivative: int) -> Any:
    found = np.array(found)
    found[derivative, found.shape[1] // 2] *= 1.01
    return found


def with_weights(table: Any, **changes: Any) -> Any:
    return replace(table, **changes)


def off(row: tuple[float, ...], index: int, by: float) -> tuple[float, ...]:
    return tuple(value + by * (k == index) for k, value in enumerate(row))


RK4, ARS443 = TABLEAUX["rk4"], IMPLICIT_EXPLICIT_TABLEAUX["ars443"]


def corner_forgotten(found: None, self: StateConditions, values: Any, t: float, scalars: Any = None) -> None:
    if values.ndim == 2:
        values[0, 0] = 0.0


def one_value_wrong(found: None, self: StateConditions, values: Any, t: float, scalars: Any = None) -> None:
    if values.ndim == 1:
        values[0] += 1e-3


def robin_scaled(found: Any, self: Face, given: BoundaryCondition) -> Any:
    condition, data = found
    a = condition.coefficients
    return (BoundaryCondition((1.02 * a[0], a[1]), condition.value), data) if len(a) == 2 and a[0] else found


def entry_dropped(found: Any, *_: Any) -> Any:
    found = found.tolil()
    found[3, 4] = 0.0
    return sparse.csr_array(found)


def mass_off(found: Any, self: SemiDiscrete) -> Any:
    found = found.tolil()
    row = found.shape[0] // 4
    found[row, row] *= 1.05
    return found.tocsr()


def leaking(found: Any, axis: Any, *_: Any) -> Any:
    def edit(matrix: Any, data: Any) -> None:
        matrix[3, 4] *= 1.001

    return found if axis.periodic else row_edited(found, edit)


def upwind_turned(patch: pytest.MonkeyPatch) -> None:
    right = schemes.SCHEMES["upwind"]
    turned = replace(right, rows=lambda term: right.rows(replace(term, upwind=-term.upwind)))
    patch.setitem(schemes.SCHEMES, "upwind", turned)


# What is planted, and the study that must see it.
FAULTS: dict[str, tuple[str, Planting]] = {
    "wrong sign in a boundary row": ("rod", changed(poles, "derivative_rows", last_row_negated)),
    "coefficient off by 1 %": ("rod", changed(rows, "fornberg", middle_weight_off)),
    "order lost at one face": (
        "rod of order 4",
        changed(rows, "_closure_nodes", lambda n, derivative, order, taken, closure: n - bool(taken) * 2),
    ),
    "boundary data of the wrong time level": (
        "linear crank_nicolson",
        fed(SemiDiscrete, "b", lambda self, t: (self, 0.1 * np.floor(t / 0.1))),
    ),
    "data of the old level in an implicit step": (
        "crank_nicolson",
        fed(Theta, "_solved", lambda self, t, known, guess, h: (self, t - h / 2, known, guess, h)),
    ),
    "a corner forgotten": ("plate", changed(StateConditions, "fill", corner_forgotten)),
    "the metric term dropped": ("ball of order 4", changed(Measure, "log_slope", lambda found, self, at: 0.0 * found)),
    "areas of shells of the wrong power": ("ball", changed(Measure, "area", lambda found, self, at: np.sqrt(found))),
    "arithmetic instead of harmonic mean": (
        "wall",
        lambda patch: patch.setattr(
            harmonic_mean,
            "_in_series",
            lambda k, a, at, b: (at - a) / (b - a) * k((a + at) / 2) + (b - at) / (b - a) * k((at + b) / 2),
        ),
    ),
    "upwind turned": ("upwind", upwind_turned),
    "periodic wrap off by one": ("ring", changed(poles, "derivative_rows", wrapped_too_far)),
    "Robin coefficient scaled": ("rod", changed(Face, "condition", robin_scaled)),
    "a weight of a tableau off": ("rk4", entry(METHODS, "rk4", explicit_method(replace(RK4, b=off(RK4.b, 1, 1e-3))))),
    "an abscissa of a tableau off": (
        "rk4",
        entry(METHODS, "rk4", explicit_method(replace(RK4, A=(*RK4.A[:2], off(RK4.A[2], 1, 0.02), RK4.A[3])))),
    ),
    "a coefficient of an IMEX pair off": (
        "ars443",
        entry(
            METHODS,
            "ars443",
            implicit_explicit_method(
                replace(ARS443, explicit=(*ARS443.explicit[:4], off(ARS443.explicit[4], 2, 0.02)))
            ),
        ),
    ),
    "IMEX data at the beginning of the step": ("ars443", fed(Splitting, "b", lambda self, t: (self, 0.9 * t))),
    "a flux that leaks": ("mass of a closed rod", changed(rows, "_cell_divergence", leaking)),
    "a shock's flux that leaks": (
        "mass behind a shock",
        changed(ConvectiveFluxTerm, "value", lambda found, self, at: found * np.linspace(1, 1.0001, found.size)),
    ),
    "source at the wrong node": (
        "rod",
        changed(Program, "fixed_values", lambda found, self, t: [np.roll(found[0], 1, axis=0), *found[1:]]),
    ),
    "sign of Neumann data": ("rod of order 4", changed(poles, "derivative_rows", data_negated)),
    "sign of the mixed derivative": (
        "plate",
        fed(derivatives, "product_of_rows", lambda grid, r, *others: (grid, _negated(r), *others)),
    ),
    "coefficient in time frozen": ("coefficient in time", fed(DiffusiveFlux, "known", lambda self, t: (self, 0.0 * t))),
    "an entry of the Jacobian dropped": ("jacobian", changed(SemiDiscrete, "jacobian", entry_dropped)),
    "an entry of its pattern dropped": ("jacobian by its pattern", changed(JacobianPattern, "at", entry_dropped)),
    "a slope of the Jacobian off": ("jacobian", changed(Frame, "slope", lambda found, *_: 1.001 * found)),
    "an entry of the mass matrix off": ("coupled", lambda patch: _property(patch, SemiDiscrete, "mass", mass_off)),
    "a wrong Dirichlet value": ("rod", changed(StateConditions, "fill", one_value_wrong)),
    "a weight of the compact scheme off": (
        "compact",
        lambda patch: patch.setattr(schemes, "compact_rows", _scaled_compact(schemes.compact_rows)),
    ),
    "velocity half a step behind": (
        "verlet",
        fed(Verlet, "step", lambda self, t, Y, h, *rest: (self, t, Y, 1.001 * h, *rest)),
    ),
    "a phi function off": (
        "rod",
        changed(
            exponential, "phi_functions", lambda found, z, highest: [*found[:1], *(1.01 * phi for phi in found[1:])]
        ),
    ),
}


def _negated(by_axis: dict[int, AxisRows]) -> dict[int, AxisRows]:
    if len(by_axis) < 2:
        return by_axis
    first = min(by_axis)
    return {**by_axis, first: replace(by_axis[first], matrix=-by_axis[first].matrix)}


def _property(patch: pytest.MonkeyPatch, owner: Any, name: str, change: Callable[..., Any]) -> None:
    right = owner.__dict__[name].func
    wrong = functools.cached_property(lambda self: change(right(self), self))
    wrong.__set_name__(owner, name)
    patch.setattr(owner, name, wrong)


def _scaled_compact(right: Callable[..., Any]) -> Callable[..., Any]:
    class Scaled:
        def __init__(self, found: Any) -> None:
            self.found = found

        def solved(self) -> Any:
            found = self.found.solved()
            return replace(found, matrix=found.matrix * 1.001)

    return lambda *arguments, **options: Scaled(right(*arguments, **options))


def holds(study: Callable[[], bool]) -> bool:
    """What verification says; an error of pdekit says that it does not."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return study()
        except pk.PdekitError:
            return False


@pytest.mark.parametrize("name", STUDIES)
def test_without_a_fault_verification_passes(name):
    assert holds(STUDIES[name])


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_caught(fault, monkeypatch):
    study, plant = FAULTS[fault]
    plant(monkeypatch)
    assert not holds(STUDIES[study])
