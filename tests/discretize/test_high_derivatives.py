"""The fifth to eighth derivative on bounded axes: eigenvalues, exactness and orders for many conditions, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy as sp
from numpy.polynomial import legendre
from scipy import linalg

import pdekit as pk
from pdekit.boundary.conditions import BoundaryCondition, FaceConditions, end_functionals
from pdekit.errors import SingularError, StabilityError
from pdekit.stencils.rows import derivative_rows
from pdekit.stencils.weights import closure_size
from pdekit.time.closure_modes import has_growing_modes, stable_orders


def conditions(orders, values=()) -> list[BoundaryCondition]:
    """Prescribed derivatives of these orders along the outward normal."""
    values = values or [0] * len(orders)
    return [BoundaryCondition((*[0] * k, 1), value) for k, value in zip(orders, values)]


def self_adjoint(n: int) -> list[tuple[int, ...]]:
    """All sets of conditions that take ``u^(k) u^(n-1-k)`` at an end to zero, one of each pair: n-fold partial integration leaves no terms."""
    return [tuple(sorted(c)) for c in itertools.product(*[(k, n - 1 - k) for k in range(n // 2)])]


def free_matrix(axis: pk.Axis, n: int, order: int, left, right) -> np.ndarray:
    rows = pk.derivative(
        pk.Grid(x=axis),
        "x",
        n,
        order=order,
        boundary={"x": {"left": conditions(left), "right": conditions(right)}},
    )
    free = slice(int(0 in left), axis.size - int(0 in right))
    return rows.matrix().toarray()[free, free]


def ritz(m: int, left, right, degree: int = 16) -> np.ndarray:
    """Eigenvalues of ``(-1)^m d^2m/dx^2m`` on [0, 1]: stationary values of ``int (u^(m))^2 / int u^2`` over polynomials that fulfil the
    conditions of orders below m; the others are natural ones."""
    basis = np.eye(degree)

    def values(k: int, at) -> np.ndarray:
        return np.array([2.0**k * legendre.legval(at, legendre.legder(b, k)) for b in basis])

    essential = [values(k, at) for ks, at in ((left, -1.0), (right, 1.0)) for k in ks if k < m]
    within = linalg.null_space(np.array([row / abs(row).max() for row in essential])) if essential else basis
    points, weights = legendre.leggauss(degree + 2)
    bent, plain = values(m, points), values(0, points)
    stiffness, mass = (bent * weights) @ bent.T, (plain * weights) @ plain.T
    return linalg.eigh(within.T @ stiffness @ within, within.T @ mass @ within, eigvals_only=True)


def null_modes(n: int, left, right) -> int:
    """How many polynomials of degree below n fulfil the conditions: the derivative has so many zero eigenvalues, and no more."""
    powers = np.arange(n)
    falling = lambda k: np.array([np.prod(np.arange(p - k + 1, p + 1)) if p >= k else 0.0 for p in powers])  # noqa: E731
    rows = [falling(k) * (powers == k) for k in left] + [falling(k) for k in right]
    return n - int(np.linalg.matrix_rank(np.array(rows, dtype=float)))


def test_the_reference_is_right():
    """Closed forms: (k pi)^6 of hinged ends, and of a cantilever of the fourth order 1.8751040687119611^4."""
    assert ritz(3, (0, 2, 4), (0, 2, 4))[:2] == pytest.approx([np.pi**6, (2 * np.pi) ** 6], rel=1e-8)
    assert ritz(2, (0, 1), (2, 3))[0] == pytest.approx(1.8751040687119611**4, rel=1e-8)
    assert null_modes(6, (3, 4, 5), (3, 4, 5)) == 3
    assert null_modes(6, (1, 3, 5), (1, 3, 5)) == 1
    assert null_modes(6, (0, 2, 4), (0, 2, 4)) == 0


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("n", [6, 8])
def test_spectra_of_all_self_adjoint_ends(n, order, figure):
    """No growing mode, no complex pair, no zero that is not a polynomial's, under any two sets of conditions."""
    sets, sign, axis = self_adjoint(n), (-1) ** (n // 2), pk.Axis(0, 1, 25)
    pairs = list(itertools.product(sets, sets))
    growth, imaginary, wrong = 0.0, 0.0, []
    for left, right in pairs if n == 6 else pairs[::7]:
        found = sign * np.linalg.eigvals(free_matrix(axis, n, order, left, right))
        radius = np.max(np.abs(found))
        growth = max(growth, -float(np.min(found.real)) / radius)
        imaginary = max(imaginary, float(np.max(np.abs(found.imag))) / radius)
        exact = ritz(n // 2, left, right)[null_modes(n, left, right) :][0]
        zeros = int(np.sum(np.abs(found) < 0.3 * exact))
        if zeros != null_modes(n, left, right):
            wrong.append((left, right, zeros))
    figure(
        f"spectra of the derivative of order {n} at order {order}: growth, imaginary part",
        f"{growth:.1e}, {imaginary:.1e}",
        "0",
    )
    assert growth < 1e-12
    assert imaginary < 1e-12
    assert not wrong


CASES = [
    (6, (0, 2, 4)),
    (6, (0, 1, 2)),
    (6, (0, 1, 3)),
    (6, (1, 3, 5)),
    (8, (0, 2, 4, 6)),
    (8, (0, 1, 2, 3)),
]


@pytest.mark.parametrize(("order", "least"), [(2, 1.8), (4, 3.6)])
@pytest.mark.parametrize(("n", "ends"), CASES)
def test_eigenvalues_have_the_order(n, ends, order, least, figure):
    exact = ritz(n // 2, ends, ends)[null_modes(n, ends, ends) :][:2]
    sizes = {(6, 2): (21, 41), (6, 4): (17, 33), (8, 2): (21, 41), (8, 4): (17, 25)}[n, order]
    errors = []
    for size in sizes:
        found = (-1) ** (n // 2) * np.linalg.eigvals(free_matrix(pk.Axis(0, 1, size), n, order, ends, ends)).real
        errors.append([np.min(np.abs(found - e)) / e for e in exact])
    observed = np.log(np.divide(*errors)) / np.log((sizes[1] - 1) / (sizes[0] - 1))
    figure(
        f"eigenvalues of the derivative of order {n}, conditions {ends}, order {order}: observed",
        observed.min(),
        f">= {least}",
    )
    assert np.max(errors[1]) < 0.04
    assert observed.min() >= least


def dissipative(n: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Ends under which energy does not grow: one of each pair at both, and ``u^((n-1)/2)`` at the end where the wave comes in."""
    sets, middle = self_adjoint(n), n // 2
    return [(left, tuple(sorted((*right, middle)))) for left, right in itertools.product(sets, sets)]


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("n", [5, 7])
def test_odd_derivatives_do_not_grow(n, order, figure):
    sign, worst = (-1) ** (n // 2), -np.inf
    for left, right in dissipative(n):
        found = sign * np.linalg.eigvals(free_matrix(pk.Axis(0, 1, 31), n, order, left, right))
        worst = max(worst, float(np.max(found.real) / np.max(np.abs(found))))
    figure(f"derivative of order {n} at order {order}: greatest real part beside the radius", worst, "<= 1e-12")
    assert worst <= 1e-12


@pytest.mark.parametrize("spacing", [None, {"tanh": 1.5}], ids=["uniform", "tanh"])
@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize(
    ("n", "left", "right"),
    [
        (5, (0, 1), (0, 1, 2)),
        (5, (0, 3), (2, 3, 4)),
        (6, (0, 2, 4), (0, 1, 2)),
        (6, (1, 3, 5), (3, 4, 5)),
        (7, (0, 1, 2), (0, 1, 2, 3)),
        (8, (0, 1, 2, 3), (0, 2, 4, 6)),
        (8, (1, 3, 5, 7), (4, 5, 6, 7)),
    ],
)
def test_rows_are_exact_for_polynomials(n, left, right, order, spacing):
    """Boundary rows included, up to the degree that the data of the shorter closure determine: at least n."""
    axis = pk.Axis(0, 1, 31, spacing=spacing)
    ends = end_functionals(axis, FaceConditions(tuple(conditions(left)), tuple(conditions(right))))
    rows = derivative_rows(axis, n, order, *ends, closure="stable")
    degree = min(closure_size(n, order, e) for e in ends) - 1
    assert degree >= n
    for power in range(degree + 1):
        p = np.polynomial.Polynomial([0.0] * power + [1.0])
        data = [
            sum(a * p.deriv(k)(c.at) if k else a * p(c.at) for k, a in enumerate(c.coefficients))
            for e in ends
            for c in e
            if not c.is_value
        ]
        found = rows.matrix @ p(axis.nodes) + rows.data @ np.array(data)
        scale = abs(rows.matrix) @ abs(p(axis.nodes)) + abs(rows.data) @ np.abs(data)
        assert np.all(np.abs(found - p.deriv(n)(axis.nodes)) <= 1e-10 * scale)


def hinged(n: int) -> dict:
    return {"u": {"x": conditions(range(0, n, 2))}}


@pytest.mark.parametrize(("order", "least"), [(2, 1.8), (4, 3.6)])
@pytest.mark.parametrize("n", [6, 8])
def test_a_sine_decays_at_its_rate(n, order, least, figure):
    rate = np.pi**n
    errors = []
    for size in (17, 25):
        problem = pk.Problem(
            pk.PDE(f"u_t = {(-1) ** (n // 2 + 1)}*d(u, x, {n})"),
            pk.Grid(x=pk.Axis(0, 1, size)),
            initial={"u": "sin(pi*x)"},
            boundary=hinged(n),
            exact={"u": f"sin(pi*x)*exp(-{rate!r}*t)"},
            order=order,
        )
        errors.append(problem.solve(t_end=1 / rate, rtol=1e-10, atol=1e-13, times=()).error("u"))
    observed = np.log(errors[0] / errors[1]) / np.log(24 / 16)
    figure(f"decay under the derivative of order {n}, order {order}: observed", observed, f">= {least}")
    assert observed >= least


def test_the_steady_problem_is_solved():
    problem = pk.Problem(
        pk.PDE("0 = d(u, x, 6) + pi**6*sin(pi*x)"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        boundary=hinged(6),
        exact={"u": "sin(pi*x)"},
    )
    assert problem.solve().error("u") < 2e-3


@pytest.mark.parametrize(("order", "least"), [(2, 1.8), (4, 3.7)])
def test_kawahara_between_ends(order, least, figure):
    """A manufactured solution with data at both ends, in the greatest error."""
    x, t = sp.symbols("x t")
    u = sp.exp(-t) * sp.sin(3 * x + sp.Rational(3, 10))
    source = sp.diff(u, t) + u * sp.diff(u, x) + sp.diff(u, x, 3) - sp.diff(u, x, 5)

    def data(k: int, at: int) -> str:
        return str(((-1) ** k if at == 0 else 1) * sp.diff(u, x, k).subs(x, at))

    ends = {
        "left": conditions((0, 1), [data(k, 0) for k in (0, 1)]),
        "right": conditions((0, 1, 2), [data(k, 1) for k in (0, 1, 2)]),
    }
    errors = []
    for size in (21, 41):
        problem = pk.Problem(
            pk.PDE(f"u_t = -u*d(u, x) - d(u, x, 3) + d(u, x, 5) + {source}"),
            pk.Grid(x=pk.Axis(0, 1, size)),
            initial={"u": str(u.subs(t, 0))},
            boundary={"u": {"x": ends}},
            exact={"u": str(u)},
            order=order,
        )
        errors.append(problem.solve(t_end=0.02, rtol=1e-9, atol=1e-12, method="Radau", times=()).error("u"))
    observed = np.log2(errors[0] / errors[1])
    figure(f"Kawahara's equation between ends, order {order}: observed", observed, f">= {least}")
    assert observed >= least


def sixth(equation: str, size: int = 41, **options):
    n = 8 if "x, 8" in equation else 6
    return pk.Problem(pk.PDE(equation), pk.Grid(x=pk.Axis(0, 1, size)), boundary=hinged(n), **options)


def test_complex_pairs_are_refused_for_waves_only():
    """Order 8 under (u, u'', u'''') has complex pairs: decay for diffusion, growth for waves; orders 2, 4 and 6 have none."""
    wave = sixth("u_tt = d(u, x, 6)", order=8, initial={"u": "sin(pi*x)", "u_t": 0})
    with pytest.raises(
        StabilityError, match=r"u: .*derivative of order 6 along the bounded axis 'x', at accuracy 8.*order 2 or 4 or 6"
    ):
        wave.choice(0.1)
    problem = wave.replace(order=6, exact={"u": "sin(pi*x)*cos(pi**3*t)"})
    assert problem.solve(t_end=0.1, times=()).error("u") < 1e-4
    diffusion = sixth("u_t = d(u, x, 6)", order=8, initial={"u": "sin(pi*x)"}, exact={"u": "sin(pi*x)*exp(-pi**6*t)"})
    assert diffusion.solve(t_end=1e-3, times=()).error("u") < 1e-4


def test_a_fifth_derivative_on_a_graded_axis_is_refused():
    ends = {"left": conditions((0, 1)), "right": conditions((0, 1, 2))}
    problem = pk.Problem(
        pk.PDE("u_t = d(u, x, 5)"),
        pk.Grid(x=pk.Axis(0, 1, 41, spacing={"tanh": 1.5})),
        initial={"u": "(x*(1 - x))**3"},
        boundary={"u": {"x": ends}},
    )
    with pytest.raises(StabilityError, match=r"derivative of order 5 .*'x'.*a uniform axis may"):
        problem.choice(1e-3)
    assert problem.replace(grid=pk.Grid(x=pk.Axis(0, 1, 41))).choice(1e-3).method.name


@pytest.mark.parametrize("scheme", ["forward", "backward"])
def test_one_sided_sixth_derivatives_are_refused(scheme):
    problem = sixth("u_t = d(u, x, 6)", initial={"u": "sin(pi*x)"}, schemes={"u_xxxxxx": scheme})
    with pytest.raises(StabilityError, match=f"grid; use, without the scheme {scheme}, order 2 or 4"):
        problem.choice(1e-4)


def test_three_conditions_at_the_wrong_end_are_refused():
    ends = {"left": conditions((0, 1, 2)), "right": conditions((0, 1))}
    problem = pk.Problem(
        pk.PDE("u_t = d(u, x, 5)"),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        initial={"u": "(x*(1 - x))**3"},
        boundary={"u": {"x": ends}},
    )
    with pytest.raises(StabilityError, match="as many conditions as the equation needs at either end"):
        problem.choice(1e-3)


def test_physical_growth_is_not_that_of_the_grid():
    """``du/dn = 3 u`` feeds energy in, at a rate that finer grids do not change."""
    fed = (BoundaryCondition((-3.0, 1.0)), *conditions((3, 5)))
    rates = [float(np.max(np.linalg.eigvals(free_robin(size, fed)).real)) for size in (25, 37)]
    assert rates[0] == pytest.approx(rates[1], rel=0.02)
    assert min(rates) > 100
    assert not has_growing_modes(pk.Axis(0, 1, 41), FaceConditions(fed, fed), 6, 2, False)


def free_robin(size: int, ends) -> np.ndarray:
    rows = pk.derivative(
        pk.Grid(x=pk.Axis(0, 1, size)), "x", 6, boundary={"x": {"left": list(ends), "right": list(ends)}}
    )
    return rows.matrix().toarray()


@pytest.mark.parametrize("ends", [(0, 1, 2), (0, 2, 4), (1, 3, 5), (3, 4, 5)])
def test_orders_that_are_named_are_free_of_complex_pairs(ends):
    faces = FaceConditions(tuple(conditions(ends)), tuple(conditions(ends)))
    orders = stable_orders(pk.Axis(0, 1, 41), faces, 6, True)
    assert {2, 4, 6} <= set(orders)
    for order in orders:
        found = np.linalg.eigvals(free_matrix(pk.Axis(0, 1, 25), 6, order, ends, ends))
        assert np.max(np.abs(found.imag)) < 1e-9 * np.max(np.abs(found))


def test_rounding_is_refused_before_the_run_and_named():
    problem = sixth("u_t = -d(u, x, 8)", 201, initial={"u": "sin(pi*x)"})
    with pytest.raises(
        StabilityError, match="derivative of order 8 of u along 'x', on 201 nodes, multiplies rounding errors"
    ):
        problem.choice(1e-4)


def test_rounding_of_a_small_term_does_not_matter():
    problem = sixth(
        "u_t = u_xx - 1e-10*d(u, x, 8)",
        201,
        initial={"u": "sin(pi*x)"},
        exact={"u": "sin(pi*x)*exp(-(pi**2 + 1e-10*pi**8)*t)"},
    )
    assert problem.solve(t_end=0.1, times=()).error("u") < 2e-5


def test_singular_by_rounding_does_not_ask_for_conditions():
    with pytest.raises(SingularError, match=r"rounding errors by .*at most 67 nodes") as caught:
        sixth("0 = d(u, x, 8) - sin(pi*x)", 201).solve()
    assert "enough boundary conditions" not in str(caught.value)
