"""Hostile expressions: grown from a grammar, and the project's own with pieces changed."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import pdekit as pk
from pdekit.language.sampling import sample_text
from pdekit.language.vocabulary import CALCULUS, FUNCTIONS
from tests.hostile.corpus import expressions
from tests.hostile.trial import Case

NUMBERS = [
    *("0", "1", "-1", "2", "3", "0.5", "1/3", "7", "40", "1e-9", "1e-300", "1e300", "1e308", "1e400", "1e15", "1e16"),
    *(
        "10**9",
        "999999999999999",
        "12345678901234567890",
        "9" * 400,
        "9" * 5000,
        "0x7fffffff",
        "1_000_000",
        "1j",
        "1e-400",
    ),
    *(
        "10**10**10",
        "2**1023",
        "2**1024",
        "9**9**9**9",
        "(-1)**0.5",
        "(-8)**(1/3)",
        "1/0",
        "0**0",
        "0**-1",
        "pi**e",
        "I**I",
    ),
]
NAMES = ["u", "v", "x", "y", "t", "k", "u_x", "u_xx", "u_xy", "u_xyx", "v_y", "u_t", "u_z", "u_", "_u", "pi", "e", "I"]
STRANGE = [
    *(
        "nan",
        "inf",
        "oo",
        "zoo",
        "lambda",
        "None",
        "True",
        "...",
        "__import__('os').system('touch HACKED')",
        "exec",
        "é",
        "∂u",
        "ﬁ",
    ),
    *(
        "u.__class__.__mro__",
        "eval('1')",
        "open('HACKED','w')",
        "[u, v]",
        "[1, 2, 3]",
        "(u, v)",
        "{u}",
        "u if x else v",
        "S",
        "Symbol",
    ),
    *(
        "'os'",
        "b''",
        "f'{u}'",
        "lambda x: x",
        "u[0]",
        "*u",
        "u:=1",
        "\x00",
        "\u202e",
        "u\u0301",
        "𝒖",
        "x'",
        "#",
        "\\",
        "`u`",
        "u@v",
        "u//v",
    ),
]
# Each of them did something that it should not, once, or would with a careless parser.
KNOWN = [
    *(
        "u and v",
        "not u",
        "where(I < e, e, e)",
        "u <= (u <= I)",
        "div([u < 1, v])",
        "sum(u < v, k, 0, 3)",
        "d(u < v, x)",
        "where(2 == u_xx, 1, 2)",
    ),
    *(
        "gamma(10**8)",
        "gamma(170.5)",
        "gamma(-1e9)",
        "besselj(10**9, x)",
        "floor(10**300*pi)",
        "mod(10**300, 7)",
        "exp(exp(exp(exp(9)))) < 1",
    ),
    *(
        "sum(sum(sum(k, k, 1, 999), k, 1, 999), k, 1, 999)",
        "sum(sum(i*j*u, j, 1, 999), i, 1, 999)",
        "*".join(["(9**300)"] * 2000),
    ),
    *("(1 + u + v + x + y + t + u_x + v_x)**900", "d((u + v + x)**99, x, 8)", "d(d(d(u**9*v**9, x, 8), x, 8), x, 8)"),
    *(
        "min(u, v, x, y, t, u_x, v_x, u_y, v_y, k, 1, 2)",
        "max(min(max(min(max(u, v), x), y), t), k)",
        "where(u > 0, where(v > 0, u, v), x)**9",
    ),
    *(
        "d(tanh(u*tanh(v*x)), x, 4)",
        "laplace(exp(sin(u*v)*cos(x*u)))",
        "biharmonic(exp(u*v))",
        "sign(sin(1)**2 + cos(1)**2 - 1)*u",
    ),
    *(
        "abs(" * 12 + "u" + ")" * 12,
        "sqrt(" * 15 + "u" + ")" * 15,
        "conj(real(imag(conj(u*I))))",
        "1/sech(sech(sech(u)))",
        "9" * 4000,
    ),
    *(
        "2**0.123456789012345**0.987654321",
        "(10**299)**(1/97)",
        "log(10**299 + 7)",
        "sqrt(10**200 + 10**99 + 7)",
        "erf(10**300)",
    ),
]
OPERATORS = ["+", "-", "*", "/", "**", "<", "<=", ">", "==", "!=", " and ", " or ", "%", "//", "^", "@", "=", ","]
WORDS = sorted({*FUNCTIONS, *CALCULUS, "sum", "noise"})


def _call(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments)})"


def grown() -> st.SearchStrategy[str]:
    """Texts of a grammar that is a little wider than the language."""
    leaves = st.one_of(
        st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(NUMBERS), st.sampled_from(STRANGE[:20])
    )

    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds(lambda a, o, b: f"({a}){o}({b})", inner, st.sampled_from(OPERATORS[:12]), inner),
            st.builds(lambda a, o, b: f"{a}{o}{b}", inner, st.sampled_from(OPERATORS), inner),
            st.builds(_call, st.sampled_from(WORDS), st.lists(inner, min_size=1, max_size=4)),
            st.builds(lambda a, x, n: f"d({a}, {x}, {n})", inner, st.sampled_from("xyzt"), st.integers(-1, 9)),
            st.builds(lambda a, n: f"sum({a}, k, 0, {n})", inner, st.sampled_from([3, 30, 999, 10**9])),
            st.builds(lambda c, a, b: f"where({c} < {a}, {a}, {b})", inner, inner, inner),
            st.builds(lambda a, n: "(" * n + a + ")" * n, inner, st.sampled_from([1, 30, 150, 300])),
            st.builds(lambda a, n: f"{a}**{n}", inner, st.sampled_from([2, 0.5, -1, 9, 99, 999, 1001, 10**9, 10**30])),
            st.builds(lambda a, w, n: _nested(w, a, n), inner, st.sampled_from(WORDS), st.sampled_from([2, 4, 12, 40])),
            st.builds(
                lambda a, o, n: o.join([a] * n), inner, st.sampled_from(OPERATORS[:5]), st.sampled_from([2, 9, 99])
            ),
            st.builds(lambda a, b: f"div([{a}, {b}])", inner, inner),
        )

    return st.recursive(leaves, wider, max_leaves=8)


SENSIBLE = [
    "u",
    "v",
    "x",
    "y",
    "t",
    "k",
    "u_x",
    "u_xx",
    "u_xy",
    "v_y",
    "u_t",
    "pi",
    "0",
    "1",
    "2",
    "-3",
    "0.5",
    "1e-9",
    "1e9",
    "I",
]


def sensible() -> st.SearchStrategy[str]:
    """Texts that are mostly of the language, so that what follows parsing is tried as well."""

    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds(lambda a, o, b: f"({a}){o}({b})", inner, st.sampled_from("+-*/"), inner),
            st.builds(
                lambda a, n: f"({a})**{n}", inner, st.sampled_from(["2", "3", "0.5", "-1", "(-1/3)", "17", "k", "u"])
            ),
            st.builds(lambda w, a: f"{w}({a})", st.sampled_from([n for n, f in FUNCTIONS.items() if f[1] == 1]), inner),
            st.builds(lambda w, a, b: f"{w}({a}, {b})", st.sampled_from(["min", "max", "mod", "atan2"]), inner, inner),
            st.builds(
                lambda c, o, a, b: f"where({c} {o} {a}, {a}, {b})",
                inner,
                st.sampled_from(["<", ">=", "=="]),
                inner,
                inner,
            ),
            st.builds(lambda a, x, n: f"d({a}, {x}, {n})", inner, st.sampled_from("xy"), st.integers(1, 4)),
            st.builds(lambda a, b: f"div(({a})*grad({b}))", inner, inner),
            st.builds(lambda w, a: f"{w}({a})", st.sampled_from(["laplace", "biharmonic", "noise"]), inner),
        )

    return st.recursive(st.sampled_from(SENSIBLE), wider, max_leaves=6)


def _nested(word: str, text: str, depth: int) -> str:
    for _ in range(depth):
        text = f"{word}({text}, u)" if word in ("min", "max", "mod", "atan2", "dot") else f"{word}({text})"
    return text


def mutated(rng: random.Random, text: str | None = None) -> str:
    """A text, by default one of the project's expressions, changed in one to four places."""
    corpus = expressions()
    text = rng.choice(corpus) if text is None else text
    for _ in range(rng.randint(1, 4)):
        a, b = sorted(rng.choices(range(len(text) + 1), k=2))
        b = min(b, a + 12)
        other = rng.choice(corpus)
        c = rng.randrange(len(other) + 1)
        piece = rng.choice(
            [
                "",
                text[a:b] * rng.choice([2, 3, 50]),
                rng.choice(NUMBERS),
                rng.choice(STRANGE),
                rng.choice(NAMES),
                rng.choice(OPERATORS),
                other[c : c + 15],
                f"({other})",
                chr(rng.choice([0, 9, 32, 40, 41, 127, 0xA0, 0x3C0, 0x2212, 0xD7FF, 0x1F600])),
            ]
        )
        text = text[:a] + piece + text[b:]
        if len(text) > 30_000:
            break
    return text


def _used(text: str) -> None:
    """As a right-hand side, with all that follows from it, and as a known function."""
    x, y = np.linspace(0.1, 1, 5), np.linspace(0.2, 0.7, 4)[:, None]
    faults = []
    for attempt in (lambda: sample_text(text, {"x": x, "y": y, "t": 0.3, "k": 2.0}), lambda: _problem(text)):
        try:
            attempt()
        except pk.PdekitError as error:
            faults.append(error)
    if len(faults) == 2:
        raise faults[1]


def _problem(text: str) -> None:
    grid = pk.Grid(x=pk.Axis(0, 1, 8, periodic=True), y=pk.Axis(0, 1, 8, periodic=True))
    pde = pk.PDE([f"u_t = {text}", "v_t = v_xx"], parameters={"k": 2.0})
    problem = pk.Problem(pde, grid, initial={"u": "1 + 0.1*sin(2*pi*x)", "v": "2 + 0.1*cos(2*pi*y)"})
    system = problem.semidiscrete
    y = system.pack(problem.initial_fields())
    system.rhs(0.0, y)
    system.jacobian(0.0, y)


def cases(count: int, start: int) -> Iterator[Case]:
    """Half of each kind."""
    texts: list[str] = []

    @seed(start)
    @settings(
        max_examples=count - count // 2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(grown(), sensible(), sensible()))
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    rng = random.Random(start)
    texts = [*dict.fromkeys(KNOWN + texts)][:count]
    texts += [mutated(rng) for _ in range(count - len(texts))]
    for text in texts:
        yield Case(text, lambda text=text: _used(text))
