"""Unknowns that live in a region of the grid: exact modes of two layers at their order, sums to rounding, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import brentq

import pdekit as pk
from pdekit.errors import BoundaryError, ConfigError, GridError, StorageError
from pdekit.io.load import loads
from pdekit.verification.jacobian_check import check_jacobian

CLOSED = pk.Neumann(0)
LAYERS = {"a": {"x": (0, 0.3)}, "b": {"x": (0.3, 1)}}
EXCHANGE = {
    "a": {"x": {"left": CLOSED, "right": pk.Neumann("k*(b - a)/D")}},
    "b": {"x": {"left": pk.Neumann("k*(a - b)/E"), "right": CLOSED}},
}


def second_mode(at, D, E, r, q, k):
    """Rate and shapes cos(mu x), A cos(nu (1 - x)) of two closed layers that react at the rates r and q and exchange k (a - b)."""

    def shape(rate):
        mu, nu = np.sqrt((rate - r) / D), np.sqrt((rate - q) / E)
        return mu, nu, -D * mu * np.sin(mu * at) / (E * nu * np.sin(nu * (1 - at)))

    def gap(rate):
        mu, nu, A = shape(rate)
        return D * mu * np.sin(mu * at) - k * (np.cos(mu * at) - A * np.cos(nu * (1 - at)))

    rates = np.linspace(max(r, q) + 0.01, 30, 4000)
    found = [(lo, hi) for lo, hi in pairwise(rates) if gap(lo) * gap(hi) < 0 and abs(gap(lo)) < 50]
    rate = float(brentq(gap, *found[1], xtol=1e-14))
    return {"lam": rate, **dict(zip(("mu", "nu", "A"), map(float, shape(rate))))}


def two_layers(points=41, order=2, **numbers):
    given = {"D": 1.0, "E": 0.3, "r": 0.5, "q": 1.5, "k": 2.0, **numbers}
    parameters = given | second_mode(0.3, *given.values())
    return pk.Problem(
        pk.PDE(["a_t = D*a_xx - r*a", "b_t = E*b_xx - q*b"], parameters=parameters),
        pk.Grid(x=pk.Axis(0, 1, points)),
        regions=LAYERS,
        initial={"a": "cos(mu*x)", "b": "A*cos(nu*(1 - x))"},
        boundary=EXCHANGE,
        exact={"a": "exp(-lam*t)*cos(mu*x)", "b": "exp(-lam*t)*A*cos(nu*(1 - x))"},
        order=order,
    )


@pytest.mark.parametrize("order", [2, 4])
def test_two_layers_at_their_order(order):
    errors = [two_layers(n, order).solve(t_end=0.1, rtol=1e-11, atol=1e-14).errors() for n in (21, 41, 81)]
    for name in ("a", "b"):
        orders = np.log2([first[name] / second[name] for first, second in pairwise(errors)])
        assert orders[-1] > order - 0.1, (name, errors)


@pytest.mark.parametrize("method", ["dop853", "tr_bdf2", "radau", "rkc2", "exponential"])
def test_what_leaves_one_layer_enters_the_other(method):
    layers = pk.Problem(
        pk.PDE(["a_t = D*a_xx", "b_t = E*b_xx"], parameters={"D": 1.0, "E": 0.3, "k": 2.0}),
        pk.Grid(x=pk.Axis(0, 1, 41)),
        regions=LAYERS,
        initial={"a": "1 + x", "b": "x**2"},
        boundary=EXCHANGE,
        output=pk.OutputSettings(series={"total": "integral(a) + integral(b)"}),
    )
    solution = layers.solve(t_end=0.2, method=method)
    total = solution.series["total"]
    assert np.ptp(total) < 1e-13 * total[0] * total.size
    # The trapezoidal rule of 1 + x is exact, that of x^2 is over by h^2/6 of the length.
    assert total[0] == pytest.approx(0.345 + (1 - 0.027) / 3 + 0.7 / 6 / 40**2, rel=1e-13)
    assert solution["a"].integral() + solution["b"].integral() == pytest.approx(total[-1], rel=1e-12)


@pytest.mark.parametrize("by", ["a scalar", "a great rate"])
def test_balance_at_the_plane(by):
    """c = K u and D c_x = E u_x there: cos(a x) and A cosh(b (1 - x)), u being used up at the rate q."""
    D, E, s, a, K = 0.1, 0.05, 0.3, 2.0, 1.5
    ratio = D * a * np.sin(a * s) * K / (E * np.cos(a * s))
    b = float(brentq(lambda b: b * np.tanh(b * (1 - s)) - ratio, 0.1, 50, xtol=1e-14))
    numbers = {"D": D, "E": E, "s": s, "a": a, "K": K, "b": b, "q": E * b**2 + D * a**2, "k": 1e5}
    numbers["A"] = np.cos(a * s) / (K * np.cosh(b * (1 - s)))
    equations, scalars, start = ["c_t = D*c_xx", "u_t = E*u_xx - q*u"], [], {"c": "cos(a*x)", "u": "A*cosh(b*(1 - x))"}
    ends = pk.Neumann("-k*(c - K*u)/D"), pk.Neumann("k*(c - K*u)/E")
    if by == "a scalar":
        equations, scalars = [*equations, "0 = face(D*c_x, x, right) - face(E*u_x, x, left)"], ["S"]
        ends, start = (pk.Dirichlet("K*S"), pk.Dirichlet("S")), start | {"S": "cos(a*s)/K"}
    errors = []
    for n in (21, 41):
        layers = pk.Problem(
            pk.PDE(equations, parameters=numbers, scalars=scalars),
            pk.Grid(x=pk.Axis(0, 1, n)),
            regions={"c": {"x": (0, s)}, "u": {"x": (s, 1)}},
            initial=start,
            boundary={"c": {"x": {"left": CLOSED, "right": ends[0]}}, "u": {"x": {"left": ends[1], "right": CLOSED}}},
            exact={"c": "exp(-D*a**2*t)*cos(a*x)", "u": "exp(-D*a**2*t)*A*cosh(b*(1 - x))"},
        )
        solution = layers.solve(t_end=1.0)
        errors.append(max(solution.errors().values()))
        here = int(0.3 * (n - 1) + 0.5)
        assert solution["c"].values[here] == pytest.approx(K * solution["u"].values[here], abs=1e-6)
    assert np.log2(errors[0] / errors[1]) > 1.9, errors


def test_a_nonlinear_exchange_has_an_exact_jacobian():
    """As of a lithium electrode: the current through the plane is of both concentrations, by a hyperbolic sine."""
    cell = pk.Problem(
        pk.PDE(["a_t = div((1 + a**2)*grad(a)) - 0.1*integral(a*T)", "b_t = b_xx - a0*b", "T_t = T_xx + where(x <= 0.3, a, b)"],
               parameters={"a0": 0.2}),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        regions=LAYERS,
        initial={"a": "1 + x", "b": "x**2", "T": "x"},
        boundary={
            "a": {"x": {"left": CLOSED, "right": pk.Neumann("-sinh(a - b)/(1 + a**2)")}},
            "b": {"x": {"left": pk.Neumann("sinh(a - b)"), "right": pk.Neumann("T*a0")}},
            "T": {"x": {"left": pk.Neumann("a - T"), "right": CLOSED}},
        },
    )  # fmt: skip
    assert check_jacobian(cell).complex_step < 1e-11


def test_a_steady_layer_of_a_wall():
    """c = x (0.4 - x) in the coating 0.2..0.4 of a shifted axis, T = x everywhere: polynomials that the rows have exactly."""
    wall = pk.Problem(
        pk.PDE(["0 = T_xx", "0 = c_xx + 2"]),
        pk.Grid(x=pk.Axis(0, 1, 21)),
        regions={"c": {"x": (0.2, 0.6)}},
        boundary={"T": {"x": pk.Dirichlet("x")}, "c": {"x": pk.Dirichlet("where(x < 0.4, 0.7, 0.9)")}},
        exact={"T": "x", "c": "0.7 + (x - 0.2)/2 + (x - 0.2)*(0.6 - x)"},
    )
    assert max(wall.solve().errors().values()) < 1e-13


def test_a_block_of_a_plane():
    """A box inside of the plane, no face of its own on one of the plane's but one."""
    errors = []
    for n in (1, 2, 4):
        block = pk.Problem(
            pk.PDE(["T_t = laplace(T)", "c_t = laplace(c) + 0*T"]),
            pk.Grid(x=pk.Axis(0, 1, 10 * n + 1), y=pk.Axis(0, 2, 8 * n + 1)),
            regions={"c": {"x": (0.2, 0.6), "y": (0, 0.5)}},
            initial={"T": "x", "c": "sin(pi*(x - 0.2)/0.4)*cos(pi*y)"},
            boundary={
                "T": {"x": pk.Dirichlet("x"), "y": CLOSED},
                "c": {"x": pk.Dirichlet(0), "y": {"left": CLOSED, "right": pk.Dirichlet(0)}},
            },
            exact={"c": "sin(pi*(x - 0.2)/0.4)*cos(pi*y)*exp(-pi**2*(1/0.16 + 1)*t)", "T": "x"},
        )
        errors.append(block.solve(t_end=0.02, rtol=1e-9, atol=1e-12).errors())
    assert max(e["T"] for e in errors) < 1e-12
    assert np.log2(errors[1]["c"] / errors[2]["c"]) > 1.9, errors


def test_the_layers_of_a_ball_keep_their_sum():
    """Nodes stand off the centre, and the region that reaches it has no face there."""
    axis = pk.Axis(0, 1, 21, offset="left")
    at = float(axis.nodes[6])
    ball = pk.Problem(
        pk.PDE(["a_t = laplace(a)", "b_t = laplace(b)"]),
        pk.Grid(r=axis, coordinates="spherical"),
        regions={"a": {"r": (0, at)}, "b": {"r": (at, 1)}},
        initial={"a": 1, "b": "2 + r"},
        boundary={
            "a": {"r": {"right": pk.Neumann("b - a")}},
            "b": {"r": {"left": pk.Neumann("a - b"), "right": CLOSED}},
        },
        output=pk.OutputSettings(series={"total": "integral(a) + integral(b)"}),
    )
    total = ball.solve(t_end=0.1).series["total"]
    assert np.ptp(total) < 1e-12 * total[0]


def test_waves_in_a_region():
    """A standing wave between fixed ends, second order in time."""
    errors = []
    for n in (41, 81):
        string = pk.Problem(
            pk.PDE(["c_tt = c_xx", "T_t = T_xx"]),
            pk.Grid(x=pk.Axis(0, 1, n)),
            regions={"c": {"x": (0.4, 0.7)}},
            initial={"c": "sin(pi*(x - 0.4)/0.3)", "c_t": 0, "T": 0},
            boundary={"c": {"x": pk.Dirichlet(0)}, "T": {"x": CLOSED}},
            exact={"c": "sin(pi*(x - 0.4)/0.3)*cos(pi*t/0.3)"},
        )
        errors.append(string.solve(t_end=0.4, rtol=1e-9, atol=1e-12).error("c"))
    assert np.log2(errors[0] / errors[1]) > 1.9, errors


# ------------------------------------------------------------------------------------------- results


def test_results_are_blank_outside(tmp_path):
    layers = two_layers().replace(output=pk.OutputSettings(fields={"flux": "-D*a_x"}, frames=3))
    solution = layers.solve(t_end=0.1, output=tmp_path / "layers.h5")
    x = solution.grid["x"].nodes
    for found in (solution, pk.open_result(tmp_path / "layers.h5")):
        assert np.array_equal(np.isfinite(found["a"].values), x <= 0.3 + 1e-12)
        assert np.array_equal(np.isfinite(found["b"].values), x >= 0.3 - 1e-12)
        assert np.array_equal(np.isfinite(found["flux"].values), x <= 0.3 + 1e-12)
        assert found.errors() == solution.errors()
        assert found["b"].integral() == pytest.approx(
            float(np.sum(np.diff(x[12:]) * 0.5 * (found["b"].values[13:] + found["b"].values[12:-1])))
        )
        between, beyond = found.probe(x=0.1234)["a"][-1], found.probe(x=0.1234)["b"][-1]
        parameters = {str(s): v for s, v in layers.system.parameters.items()}
        assert between == pytest.approx(np.exp(-0.1 * parameters["lam"]) * np.cos(parameters["mu"] * 0.1234), rel=2e-3)
        assert np.isnan(beyond)
    assert np.isnan(solution.to_xarray()["a"].sel(x=0.5, method="nearest")).all()
    again = layers.replace(initial=pk.FileData(tmp_path / "layers.h5"), exact={})
    assert again.time.start == 0.1
    assert again.solve(t_end=0.2)["a"].max() == pytest.approx(
        solution["a"].max() * np.exp(-0.1 * parameters["lam"]),
        rel=5e-3,  # the rate itself is of order 2
    )


def test_damaged_regions_of_a_file_are_told(tmp_path):
    import h5py

    two_layers().solve(t_end=0.01, output=tmp_path / "layers.h5")
    for text in ("[1]", '{"a": [[0, 99]]}', '{"a": 3}', "no json"):
        with h5py.File(tmp_path / "layers.h5", "a") as file:
            file.attrs["regions"] = text
        with pytest.raises(StorageError, match="regions"):
            pk.open_result(tmp_path / "layers.h5")


CONFIG = """
grid: {x: {range: [0, 1], points: 21}}
parameters: {s: 0.3}
equations: [T_t = T_xx, c_t = c_xx]
regions: {c: {x: [0, s]}}
initial: {T: x, c: 1}
boundary: {T: {x: {neumann: 0}}, c: {x: {neumann: 0}}}
time: {end: 0.1}
"""


def test_regions_of_a_config_are_written_again():
    problem = loads(CONFIG)
    assert problem.regions == {"c": {"x": (0, 0.3)}}
    again = loads(problem.to_yaml())
    assert again.regions == problem.regions and again.lived_in["c"] == problem.lived_in["c"]


# ------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("regions", "error", "key", "words"),
    [
        ("{C: {x: [0, 0.3]}}", ConfigError, "regions.C", r"not an unknown field; there are \['T', 'c'\]"),
        ("{c: {y: [0, 0.3]}}", GridError, "regions.c.y", r"the grid has \['x'\]"),
        (
            "{c: {x: [0, 0.33]}}",
            GridError,
            "regions.c.x",
            "none is at 0.33, the nearest is 0.35; 101 points have one there",
        ),
        ("{c: {x: [0.3, 0]}}", GridError, "regions.c.x", "between the ends of the axis"),
        ("{c: {x: [0, 2]}}", GridError, "regions.c.x", "between the ends of the axis"),
        ("{c: {x: [0, 0.05]}}", GridError, "regions.c.x", "2 nodes lie between"),
    ],
)
def test_regions_that_are_none(regions, error, key, words):
    with pytest.raises(error, match=words) as found:
        loads(CONFIG.replace("{c: {x: [0, s]}}", regions))
    assert found.value.key == key


@pytest.mark.parametrize(
    ("equation", "words"),
    [
        ("T_t = T_xx + c", r"T: its equation reads c at x = 0.35, .* 0 <= x <= 0.3; write where"),
        ("T_t = T_xx + c_x", r"T: its equation reads c_x at x = 0.35"),
        ("T_t = T_xx + where(x < 0.4, c, 0)", r"reads c at x = 0.35"),
        ("T_t = div((1 + c)*grad(T))", r"T_xx: a coefficient lives in 0 <= x <= 0.3 only"),
    ],
)
def test_what_does_not_exist_is_not_read(equation, words):
    with pytest.raises(GridError, match=words):
        loads(CONFIG.replace("T_t = T_xx", f"'{equation}'"))


@pytest.mark.parametrize("source", ["where(x <= s, c, 0)", "c*heaviside(s - x)", "where(x < 0.2, log(c)*c_x, 1)"])
def test_what_is_left_out_is_not_read(source):
    loads(CONFIG.replace("T_t = T_xx", f"'T_t = T_xx + {source}'"))


def test_conditions_of_the_regions_own_faces():
    with pytest.raises(BoundaryError, match="no condition on this face") as found:
        loads(CONFIG.replace("c: {x: {neumann: 0}}", "c: {x: {left: {neumann: 0}}}"))
    assert found.value.key == "boundary.c.x.right"
    with pytest.raises(BoundaryError, match="reads c on a face where it does not exist") as found:
        loads(CONFIG.replace("T: {x: {neumann: 0}}", "T: {x: {neumann: c}}"))
    assert found.value.key == "boundary.T.x.right"
    with pytest.raises(BoundaryError, match="1 characteristic comes in here") as found:
        loads(CONFIG.replace("c_t = c_xx", "c_t = -c_x").replace("c: {x: {neumann: 0}}", "c: {x: outflow}"))
    assert found.value.key == "boundary.c.x.left"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"domain": "x < 0.9"}, "a domain that is no box"),
        ({"interfaces": {"T": {"x": pk.Interface(0.5, resistance=1)}}}, "interfaces"),
        ({"constraints": ["T >= 0"]}, "constraints"),
    ],
)
def test_what_regions_do_not_go_with(change, words):
    problem = loads(CONFIG)
    with pytest.raises(ConfigError, match=words):
        problem.replace(**change)


def test_regions_without_a_common_part():
    with pytest.raises(GridError, match=r"d\(a\*b, x\).*no more than a face in common|no more than a face in common"):
        two_layers().replace(
            pde=pk.PDE(["a_t = a_xx + d(a*b, x)", "b_t = b_xx"], parameters=two_layers().pde.parameters)
        )
