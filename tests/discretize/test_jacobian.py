"""A Jacobian written into its fixed pattern is the one that products of matrices make."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.discretize.jacobian import JacobianPattern
from pdekit.discretize.terms.term_protocol import NoPattern

D, N, A = pk.Dirichlet, pk.Neumann, pk.Axis
PLANE = {"x": A(0, 1, 9), "y": A(0, 1, 8, periodic=True)}
# equations, axes, conditions by unknown, initial state, further arguments
CASES = {
    "reaction": (["u_t = laplace(u) - x*u**3"], PLANE, {"u": {"x": D("y")}}, {}),
    "products": (["u_t = u*u_xx + u_x*u_y + t*u**2"], PLANE, {"u": {"x": N(0)}}, {"order": 4}),
    "flux": (["u_t = div((1 + x)*(1 + u**2)*grad(u))"], PLANE, {"u": {"x": {"left": D(1), "right": N("y")}}}, {}),
    "flux of another": (["u_t = div((1 + v**2)*grad(u))", "v_t = u*v + v_xx"], PLANE, {"u": {"x": N(0)}, "v": {"x": D(1)}}, {}),
    "derivative of an expression": (["u_t = -d(u**2*v, x) + u_xx", "v_t = laplace(v**3)"], PLANE, {"u": {"x": D(0)}, "v": {"x": N(0)}}, {}),
    "complex": (["u_t = I*laplace(u) + I*u**3"], PLANE, {"u": {"x": D(0)}}, {}),
    "wave": (["u_tt = laplace(u) - sin(u) - u_t**2"], PLANE, {"u": {"x": D(0)}}, {}),
    "disc": (["u_t = laplace(u) - u**2 + u_r**2"], {"r": A(0, 1, 8), "phi": A(0, 2 * np.pi, 8, periodic=True)}, {"u": {"r": {"right": D(1)}}}, {"coordinates": "polar"}),
}  # fmt: skip


def system_of(name):
    equations, axes, boundary, options = CASES[name]
    options = dict(options)
    grid = pk.Grid(axes, coordinates=options.pop("coordinates", "cartesian"))
    start = dict.fromkeys(boundary, "1 + 0.1*I" if name == "complex" else "1")
    if name == "wave":
        start["u_t"] = "0"
    return pk.Problem(pk.PDE(equations), grid, initial=start, boundary=boundary, **options).semidiscrete


def pattern_of(system):
    rests = {name: parts.rest for name, parts in system.splits.items()}
    return JacobianPattern(system.layout, system.program, system.L, rests)


@pytest.mark.parametrize("name", CASES)
def test_pattern_equals_products_of_matrices(name):
    system = system_of(name)
    random = np.random.default_rng(3)
    first = None
    for t in (0.0, 0.7):
        y = (1 + 0.3 * random.standard_normal(system.size)).astype(system.dtype)
        y = y * np.exp(0.2j) if system.dtype.kind == "c" else y
        frame = system.frame(t, y)
        expected = system.L + system._stack_rest(frame, system.size)
        found = pattern_of(system).at(frame)
        assert abs(expected - found).max() <= 1e-13 * abs(expected).max()
        assert first is None or np.array_equal(first.indices, found.indices)
        first = found
        system.jacobian(t, y)
        assert abs(system.jacobian(t, y) - expected).max() <= 1e-13 * abs(expected).max()  # from the second one on
        assert "_pattern" in vars(system)


def test_what_has_no_pattern_is_multiplied():
    pde = pk.PDE(["u_t = d(u*u_x, x)"])
    problem = pk.Problem(pde, pk.Grid(x=A(0, 1, 12, periodic=True)), initial={"u": "1"})
    system = problem.semidiscrete
    with pytest.raises(NoPattern):
        pattern_of(pk.Problem(pk.PDE(["u_t = d(u_x**2, x, 2)"]), problem.grid, initial={"u": "1"}).semidiscrete)
    y = 1 + 0.1 * np.sin(np.arange(12.0))
    once, twice = system.jacobian(0.0, y), system.jacobian(0.0, y)
    assert abs(once - twice).max() < 1e-12
