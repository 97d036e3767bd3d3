"""Weights: exactness, antisymmetry, conditions as further data, the closure rule."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdekit.errors import GridError
from pdekit.stencils.weights import Functional, central_reach, closure_size, weights


def monomial(x, k, d):
    """d-th derivative of x**k."""
    return np.prod(np.arange(k, k - d, -1)) * x ** (k - d) if k >= d else 0.0 * x


def test_antisymmetry_at_accuracy_28(figure):
    w = weights(range(-14, 15), 0, 1).nodes
    worst = np.max(np.abs(w + w[::-1]))
    figure("weights: first derivative at accuracy 28, antisymmetry", worst, "<= 1e-14")
    assert worst <= 1e-14
    assert w[15] == pytest.approx(14 / 15, rel=1e-13)  # 2 (n!)^2 / ((n-1)! (n+1)!) / 2 for n = 14


def test_polynomial_exactness_on_jittered_nodes(figure):
    rng = np.random.default_rng(3)
    worst = 0.0
    for derivative in range(1, 5):
        for accuracy in range(2, 7):
            count = derivative + accuracy
            for _ in range(20):
                x = np.arange(count) + rng.uniform(-0.35, 0.35, count)
                at = x[rng.integers(count)]
                w = weights(x, at, derivative).nodes
                for k in range(derivative + accuracy):
                    scale = np.sum(np.abs(w * x**k))
                    worst = max(worst, abs(w @ x**k - monomial(at, k, derivative)) / scale)
    figure("polynomials on jittered nodes, derivative 1-4, accuracy 2-6", worst, "<= 1e-9")
    assert worst <= 1e-9


@settings(max_examples=60, deadline=None)
@given(
    derivative=st.integers(0, 4),
    nodes=st.integers(2, 7),
    order=st.integers(1, 3),
    second=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_conditions_are_data_like_nodes(derivative, nodes, order, second, seed):
    """Weights with conditions are exact for all polynomials that nodes and conditions determine."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 1, nodes)) + 0.3 * np.arange(nodes)
    x -= x[0]
    conditions = [Functional(0.0, (*([0.0] * order), 1.0))]
    if second:
        conditions.append(Functional(0.0, (*([0.0] * (order + 1)), 1.0)))
    total = nodes + len(conditions)
    if total <= derivative or order + second >= total:
        return
    at = x[1]
    w = weights(x, at, derivative, conditions)
    for k in range(total):
        data = np.array([monomial(0.0, k, order + j) for j in range(len(conditions))])
        value = w.nodes @ x**k + w.conditions @ data
        scale = np.sum(np.abs(w.nodes * x**k)) + np.sum(np.abs(w.conditions * data)) + 1
        assert abs(value - monomial(at, k, derivative)) <= 1e-8 * scale


def test_classical_neumann_row():
    w = weights([0, 0.25], 0, 2, [Functional(0, (0, 1))])
    assert np.allclose(w.nodes, [-32, 32]) and np.allclose(w.conditions, [-8])


def test_robin_row_satisfies_the_condition():
    """At the boundary, the first derivative that the row gives is (g - a u0)/b."""
    a, b = 1.5, 0.7
    w = weights([0, 0.1, 0.25], 0, 1, [Functional(0, (a, b))])
    assert np.allclose(w.nodes, [-a / b, 0, 0], atol=1e-12) and np.allclose(w.conditions, [1 / b])


def test_exact_rationals():
    assert list(weights(range(-3, 4), 0, 1, exact=True).nodes) == [Fraction(n, 60) for n in (-1, 9, -45, 0, 45, -9, 1)]
    w = weights([0, 1], 0, 2, [Functional(0, (0, 1))], exact=True)
    assert [*w.nodes, *w.conditions] == [-2, 2, -2]


def test_batch_equals_single():
    x = np.array([[0.0, 1.0, 2.5], [1.0, 1.7, 2.0]]).T
    batch = weights(x, np.array([1.0, 1.7]), 2).nodes
    for j in range(2):
        assert np.allclose(batch[:, j], weights(x[:, j], x[1, j], 2).nodes)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: weights([0, 1], 0, 2), "needs at least 3"),
        (lambda: weights([0, 1, 1], 0, 1), "distinct"),
        (lambda: weights([0, 1], 0, 1, [Functional(0, (1,))]), "dependent"),
        (lambda: weights([0, 1], 0, -1), ">= 0"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(GridError, match=words):
        call()


def test_closure_rule_of_the_design():
    dirichlet, neumann, robin = (Functional(0, c) for c in ((1,), (0, 1), (1, 2)))
    for order in (2, 4, 6, 8):
        assert closure_size(2, order, [dirichlet]) == max(order, 3)
        assert closure_size(2, order, [neumann]) == order + 1 == closure_size(2, order, [robin])
        assert closure_size(1, order) == order
        assert central_reach(1, order) == central_reach(2, order) == order // 2
