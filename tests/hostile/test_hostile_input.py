"""Hostile texts, configs and files end in a result or in one error of pdekit: no crash, no hang, nothing executed."""

from __future__ import annotations

import time

import pytest

import pdekit as pk
from pdekit.errors import ExpressionError
from pdekit.language.sampling import sample_text
from tests.hostile.trial import trials

GATE = {"expression_cases": 200, "config_cases": 120}
STUDY = {"expression_cases": 20_000, "config_cases": 2_000}
LEAST_ACCEPTED = 0.05  # or what stands behind the first check would not be tried at all
LARGEST = 2 * 2**30


@pytest.mark.parametrize("kind", GATE)
def test_a_few(kind, figure):
    survived(kind, GATE[kind], 0, figure)


@pytest.mark.study
@pytest.mark.parametrize("kind", STUDY)
def test_many(kind, figure):
    survived(kind, STUDY[kind], 1, figure)


def survived(kind, count, seed, figure):
    tally = trials(kind, count, seed)
    assert tally.failures == [], "\n".join(tally.failures[:10])
    assert tally.cases == count and tally.accepted >= LEAST_ACCEPTED * count and tally.memory < LARGEST
    figure(f"{kind}: slowest of {count:,}, s", tally.slowest, "< 10")


def equation(right, **more):
    return pk.PDE(f"u_t = {right}", **more).bind(("x", "y"))


DOUBLED = {"a0": "u + sin(u)", **{f"a{k}": f"a{k - 1} + sin(a{k - 1})*a{k - 1}" for k in range(1, 40)}}
SQUARED = {"a0": "7", **{f"a{k}": f"a{k - 1}*a{k - 1}" for k in range(1, 60)}}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: equation("u and x"), "'and' joins comparisons, found 'u'"),
        (lambda: equation("where(not u, 1, 2)"), "'not' takes a comparison"),
        (lambda: equation("where(I*u < 1, 1, 2)"), "complex numbers have no order"),
        (lambda: equation("(u < 1) <= 2"), "a comparison cannot be used as a number"),
        (lambda: equation("div([u < 1, u])"), "a comparison cannot be used as a number"),
        (lambda: equation("d(u < 1, x)"), "a comparison cannot be used as a number"),
        (lambda: equation("gamma(10**9)*u"), "too large a number; at most 170"),
        (lambda: equation("sum(sum(i*j*u, j, 1, 999), i, 1, 999)"), "sums of sums take more than"),
        (lambda: equation("*".join(["9**300"] * 99)), "a number of .* bits is too large"),
        (lambda: equation("sin(" * 20 + "u" + ")" * 20), "functions stand in one another; at most"),
        (lambda: equation("tanh(tanh(tanh(u)))"), "hyperbolic functions stand in one another"),
        (lambda: equation("a39", definitions=DOUBLED), "parts once all names are resolved|stand in one another"),
        (lambda: equation("a59*u", definitions=SQUARED), "bits is too large"),
        (lambda: equation("where(x < u_t, u_t**17, u_t)"), "in a circle"),
        (
            lambda: equation("max(min(max(min(max(min(max(u, x), y), t), 1), 2), 3), 4)"),
            "the comparisons have .* parts",
        ),
        (lambda: sample_text("log(10**299)**9 + 10**299*10**299", {"x": 1.0}), "bits is too large"),
    ],
)
def test_what_would_take_for_ever_is_refused_at_once(make, words):
    start = time.monotonic()
    with pytest.raises(ExpressionError, match=words):
        make()
    assert time.monotonic() - start < 10


def test_large_integers_are_numbers():
    assert sample_text("log(10**200)", {}) == pytest.approx(200 * 2.302585092994046, rel=1e-15)
    assert sample_text("sum(1/k, k, 1, 1000)", {}) == pytest.approx(7.485470860550345, rel=1e-15)


@pytest.mark.parametrize("name", ["min", "max"])
def test_extremes_of_several(name):
    """Against Python's own, at all orders of four numbers and with equal ones among them."""
    import itertools

    for values in itertools.product((0.0, 1.0, 2.5), repeat=4):
        found = sample_text(f"{name}(a, b, c, d)", dict(zip("abcd", values)))
        assert found == {"min": min, "max": max}[name](values)
