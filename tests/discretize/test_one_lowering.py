"""What an operator gives for data with conditions is, row for row, what solves the equation that says the same."""

import numpy as np
import pytest

import pdekit as pk
from pdekit.boundary.conditions import collect
from pdekit.discretize.scheme_choices import scheme_choices
from pdekit.discretize.system import SemiDiscrete
from pdekit.language.scheme_symbols import with_schemes

D, N, A = pk.Dirichlet, pk.Neumann, pk.Axis
R = pk.Robin(1, 2)
MIXED, OPEN = {"left": D(1), "right": N("t")}, {"left": D(0), "right": pk.Outflow()}
TURN = 2 * np.pi
# name: coordinates, axes
GRIDS = {
    "line": ("cartesian", {"x": A(0, 1, 14)}),
    "uneven line": ("cartesian", {"x": A(0, 1, 15, spacing={"tanh": 1.5})}),
    "ring": ("cartesian", {"x": A(0, 1, 14, periodic=True)}),
    "plane": ("cartesian", {"x": A(0, 1, 13), "y": A(0, 2, 12, spacing={"tanh": 1.2})}),
    "strip": ("cartesian", {"x": A(0, 1, 13), "y": A(0, 2, 12, periodic=True)}),
    "box": ("cartesian", {"x": A(0, 1, 9), "y": A(0, 1, 10, periodic=True), "z": A(0, 1, 11)}),
    "disc": ("polar", {"r": A(0, 1, 12), "phi": A(0, TURN, 12, periodic=True)}),
    "annulus": ("polar", {"r": A(0.5, 1.5, 13), "phi": A(0, TURN, 12, periodic=True)}),
    "cylinder": ("cylindrical", {"r": A(0, 1, 12), "z": A(0, 1, 13)}),
    "ball": ("spherical", {"r": A(0, 1, 14)}),
    "shell": ("spherical", {"r": A(1, 2, 12), "theta": A(0, np.pi, 12), "phi": A(0, TURN, 12, periodic=True)}),
}
CONDITIONS = {"D": D(1), "N": N("t"), "R": R, "DN": MIXED}


def grid_of(name):
    coordinates, axes = GRIDS[name]
    return pk.Grid(axes, coordinates=coordinates)


def boundary_on(grid, condition, odd=()):
    """A condition on every face of every bounded axis, poles apart."""
    found = {}
    for name, axis in zip(grid.names, grid.axes):
        if axis.periodic:
            continue
        faces = condition if isinstance(condition, dict) else {"left": condition, "right": condition}
        poles = grid.poles(name)
        found[name] = {side: c for side, c in faces.items() if side not in poles}
        if name in odd:
            found[name] |= {side: pk.Pole("odd") for side in poles}
    return found


def system_of(pde, grid, boundaries, order, schemes=None):
    """The discretized equations, whether or not they would make a problem with these conditions."""
    bound = pde.bind(grid.names, (), grid.calculus)
    bound = with_schemes(bound, scheme_choices(bound, schemes or {}, order, grid))
    axes, poles = {n: a.periodic for n, a in zip(grid.names, grid.axes)}, {n: grid.poles(n) for n in grid.names}
    conditions = {name: collect(given, axes, name, poles) for name, given in boundaries.items()}
    return SemiDiscrete(bound, grid, conditions, order=order)


def equation_matrix(grid, equation, boundary, order, schemes=None):
    """The linear part of the equation, on its free nodes."""
    system = system_of(pk.PDE(equation), grid, {"u": boundary}, order, schemes)
    return system.L.toarray(), system.blocks[0].free


def assert_same(operator, equation, grid, boundary, order, figure=None, **options):
    expected, free = equation_matrix(grid, equation, boundary, order, **options)
    found = operator.matrix().toarray()[np.ix_(free, free)]
    worst = np.max(np.abs(found - expected)) / np.max(np.abs(expected))
    assert worst <= 1e-12, worst
    if figure is not None:
        figure(f"operator against equation, {equation}", worst, "<= 1e-12")


# Twelve nodes are too few for order 6 across the poles of theta.
LAPLACIANS = [(name, order) for name in GRIDS for order in (2, 4, 6) if (name, order) != ("shell", 6)]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(("name", "order"), LAPLACIANS)
def test_laplacian(name, order, condition, figure):
    grid = grid_of(name)
    boundary = boundary_on(grid, CONDITIONS[condition])
    noted = figure if (name, condition) == ("shell", "R") else None
    assert_same(pk.laplacian(grid, order=order, boundary=boundary), "u_t = laplace(u)", grid, boundary, order, noted)


COEFFICIENTS = {
    "smooth": ("1 + {0}", lambda **c: 1 + next(iter(c.values()))),
    "layers that meet in a cell": ("where({0} < 0.87, 1, 10)", lambda **c: np.where(next(iter(c.values())) < 0.87, 1.0, 10.0)),
}  # fmt: skip


# Higher orders are for a smooth k; 1 + r is neither even nor odd across r = 0.
DIFFUSIONS = [(name, k, 2) for name in GRIDS if name != "shell" for k in COEFFICIENTS]
DIFFUSIONS += [(n, "smooth", p) for n in GRIDS for p in (4, 6) if n not in ("disc", "cylinder", "ball", "shell")]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(("name", "k", "order"), DIFFUSIONS)
def test_diffusion(name, k, order, condition):
    """With k as text and as a function of the coordinates by name."""
    grid = grid_of(name)
    boundary, (text, _) = boundary_on(grid, CONDITIONS[condition]), COEFFICIENTS[k]
    text = text.format(grid.names[0])
    equation = f"u_t = div(({text})*grad(u))"
    assert_same(pk.diffusion(grid, text, order=order, boundary=boundary), equation, grid, boundary, order)

    def function(**coordinates):
        return COEFFICIENTS[k][1](**{grid.names[0]: coordinates[grid.names[0]]})

    assert_same(pk.diffusion(grid, function, order=order, boundary=boundary), equation, grid, boundary, order)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("condition", [D(1), N("t"), R, MIXED, OPEN], ids="DNRMO")
@pytest.mark.parametrize("name", ["line", "uneven line", "ring", "plane"])
def test_derivatives(name, condition, n, order):
    grid = grid_of(name)
    boundary = boundary_on(grid, condition)
    operator = pk.derivative(grid, "x", n, order=order, boundary=boundary)
    assert_same(operator, f"u_t = u_{'x' * n}", grid, boundary, order)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(
    "ends", [[D(0), N(0)], [D(0), pk.Curvature(0)], [pk.Curvature(0), pk.BoundaryCondition((0, 0, 0, 1))]]
)
def test_beams(ends, order):
    grid = grid_of("line")
    boundary = {"x": {"left": ends, "right": ends}}
    assert_same(-pk.derivative(grid, "x", 4, order=order, boundary=boundary), "u_t = -u_xxxx", grid, boundary, order)


@pytest.mark.parametrize("condition", [D("x"), N("y*t"), R], ids="DNR")
def test_mixed_biharmonic_and_directional_derivatives(condition):
    grid = grid_of("plane")
    boundary = boundary_on(grid, condition)
    Dxy = pk.derivative(grid, {"x": 1, "y": 1}, order=4, boundary=boundary)
    assert_same(Dxy, "u_t = u_xy", grid, boundary, 4)
    along = pk.directional_derivative(grid, ("2", "x"), order=4, boundary=boundary)
    assert_same(along, "u_t = dot([2, x], grad(u))", grid, boundary, 4)
    pairs = {name: [D(0), N(0)] for name in grid.names}
    assert_same(-pk.biharmonic(grid, boundary=pairs), "u_t = -biharmonic(u)", grid, pairs, 2)


@pytest.mark.parametrize("scheme", ["forward", "backward", "compact", "sbp"])
def test_schemes(scheme):
    grid, boundary = grid_of("line"), {"x": {"left": D(0), "right": pk.Outflow()}}
    order = {"compact": 4, "sbp": 4}.get(scheme, 2)
    longer = grid.replace(x=A(0, 1, 24)) if scheme == "sbp" else grid
    operator = pk.scheme_derivative(longer, "x", 1, scheme=scheme, order=order, boundary=boundary)
    assert_same(operator, "u_t = u_x", longer, boundary, 2, schemes={"u_x": {scheme: order}})


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", ["line", "ring"])
def test_upwind(name, order):
    grid = grid_of(name)
    boundary = boundary_on(grid, {"left": pk.Outflow(), "right": pk.Outflow()})
    operator = -pk.upwind(grid, "x", "x - 0.37", order=order, boundary=boundary)
    assert_same(operator, "u_t = -(x - 0.37)*u_x", grid, boundary, 2, schemes={"u_x": {"upwind": order}})


def test_isotropic_laplacian():
    grid = pk.Grid(x=A(0, 1, 11), y=A(0, 1, 11))
    boundary = boundary_on(grid, D(0))
    operator = pk.isotropic_laplacian(grid, boundary=boundary)
    assert_same(operator, "u_t = laplace(u)", grid, boundary, 2, schemes={"laplace(u)": "isotropic"})


VECTORS = {"plane": (), "annulus": (), "disc": ("r",), "cylinder": ("r",)}


def vector_matrix(grid, expressions, boundary, order):
    """The matrix of a vector equation for v = (a, b)."""
    pde = pk.PDE([f"{n}_t = {e}" for n, e in zip("ab", expressions)], unknowns=("a", "b"))
    system = system_of(pde, grid, {"a": boundary[0], "b": boundary[1]}, order)
    n = grid.size
    return system.L.toarray(), np.concatenate([block.free + k * n for k, block in enumerate(system.blocks)])


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("which", ["laplacian", "divergence", "curl"])
def test_vector_calculus(which, name, order):
    """Components along unit vectors that turn at a pole go on with the other sign there."""
    grid = grid_of(name)
    signs = [tuple(axis for axis in grid.names if s.get(axis) == -1) for s in _signs(grid)]
    boundary = [boundary_on(grid, D(0), odd) for odd in signs]
    plain = boundary_on(grid, D(0))
    if which == "laplacian":
        rows = ("dot(laplace([a, b]), [1, 0])", "dot(laplace([a, b]), [0, 1])")
        operator = pk.vector_laplacian(grid, order=order, boundary=plain).matrix()
    else:
        rows = ("div([a, b])" if which == "divergence" else "curl([a, b])", "a")
        operator = (pk.div if which == "divergence" else pk.curl)(grid, order=order, boundary=plain).matrix()
    expected, free = vector_matrix(grid, rows, boundary, order)
    found = operator.toarray()
    if which != "laplacian":
        first = free[free < grid.size]
        found, expected = found[np.ix_(first, free)], expected[: first.size]
    else:
        found = found[np.ix_(free, free)]
    assert np.max(np.abs(found - expected)) <= 1e-12 * np.max(np.abs(expected))


def _signs(grid):
    from pdekit.discretize.vector import _signs as signs

    return [signs(grid, k) for k in range(grid.ndim)]
