"""Wave speeds in closed form: the roots of a cubic against numerical eigenvalues, double roots and complex ones among them."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from pdekit.discretize.physical_fluxes import PhysicalFluxes
from pdekit.errors import StabilityError

a, b, c, x = sp.symbols("a b c x")


def companion(p, q):
    """Fluxes whose Jacobian has the characteristic polynomial ``l^3 - p l + q``."""
    return PhysicalFluxes("x", (a, b, c), (b, c, p * b - q * a), (x,))


def test_the_roots_of_a_cubic():
    """``l^3 - 3 l + 1`` has the roots 2 cos(2 pi/9), 2 cos(4 pi/9), 2 cos(8 pi/9)."""
    physical = companion(3, 1)
    assert physical.closed_form is not None
    found = np.sort(np.ravel(physical.speeds([0.0], [np.zeros(1)] * 3)))
    assert np.max(np.abs(found - np.sort(2 * np.cos(2 * np.pi * np.array([1, 2, 4]) / 9)))) < 1e-15 * 4


def test_speeds_and_vectors_that_depend_on_the_state():
    physical = PhysicalFluxes("x", (a, b, c), (b, c + a * b / 10, 3 * b - a * (1 + x * b**2)), (x,))
    rng = np.random.default_rng(3)
    states, places = list(rng.uniform(-0.4, 0.4, (3, 40))), [np.linspace(0, 0.1, 40)]
    speeds = np.array(physical.speeds(places, states))
    right, left, lost = physical.eigenvectors(places, states)
    assert physical.closed_form is not None and not lost.any()
    for k in range(40):
        J = np.array([[float(sp.diff(f, s).subs({a: states[0][k], b: states[1][k], c: states[2][k], x: places[0][k]}))
                       for s in (a, b, c)] for f in physical.fluxes])  # fmt: skip
        assert np.max(np.abs(J @ right[..., k] - right[..., k] * speeds[:, k])) < 1e-13
        assert np.max(np.abs(left[..., k] @ right[..., k] - np.eye(3))) < 1e-12


def test_a_double_root_is_no_complex_one():
    """``(l - 1)^2 (l + 2) = l^3 - 3 l + 2``, reached for u = 1 along ``l^3 - 3 l + 2 a``; beyond it two are complex."""
    physical = PhysicalFluxes("x", (a, b, c), (b, c, 3 * b - a**2), (x,))
    found = np.sort(np.ravel(physical.speeds([0.0], [np.ones(1), np.zeros(1), np.zeros(1)])))
    assert np.max(np.abs(found - [-2, 1, 1])) < 1e-7
    with pytest.raises(StabilityError, match=r"not hyperbolic: .* complex eigenvalues at a = 1.01"):
        physical.speeds([0.0], [np.full(1, 1.01), np.zeros(1), np.zeros(1)])
