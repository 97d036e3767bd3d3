"""Texts of the language as LaTeX: what is written stays in its order, and means the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from latex2mathml.converter import convert

from pdekit.language.latex import equations_latex, expression_latex
from pdekit.language.pde import PDE


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("a - b*c", r"a - b\,c"),
        ("a*(b + c)", r"a\,\left(b + c\right)"),
        ("-a*b", r"-a\,b"),
        ("c - (-a*b)", r"c - \left(-a\,b\right)"),
        ("(-x)**2", r"\left(-x\right)^{2}"),
        ("-x**2", "-x^{2}"),
        ("(a/b)**n", r"\left(\frac{a}{b}\right)^{n}"),
        ("2*3*x", r"2\cdot 3\,x"),
        ("u_x**2", r"\left(\frac{\partial u}{\partial x}\right)^{2}"),
        ("u_xxy", r"\frac{\partial^{3} u}{\partial x^{2}\,\partial y}"),
        ("d(u**2/2, x)", r"\frac{\partial}{\partial x}\left(\frac{u^{2}}{2}\right)"),
        ("div(k*grad(u))", r"\nabla\cdot \left(k\,\nabla u\right)"),
        ("sin(x)**2", r"\sin^{2}\left(x\right)"),
        ("sqrt(abs(x))", r"\sqrt{\left|x\right|}"),
        ("c_max*u_1", r"c_{\mathrm{max}}\,u_{1}"),
        ("lambda*u", r"\lambda\,u"),
        ("noise(0.1*u)", r"0.1\,u\,\xi"),
        ("1e-7*u", r"10^{-7}\,u"),
        ("(1e-7)**2", r"\left(10^{-7}\right)^{2}"),
        ("sum(sin(k*x), k, 1, 5)", r"\sum_{k=1}^{5} \sin\left(k\,x\right)"),
        ("where(x <= 1, 2, 3)", r"\begin{cases}2 & \text{if } x \le 1 \\ 3 & \text{otherwise}\end{cases}"),
        ("no text ((", r"\text{no text ((}"),
    ],
)
def test_forms(text, latex):
    assert expression_latex(text, ["u"]) == latex


def test_numbers_of_fields():
    pde = PDE(["u_t = u_xx", "S_t = integral(u) - u(0.3)*face(u_x, x, right)"], scalars=["S"])
    assert equations_latex(pde)[1] == (
        r"\frac{\mathrm{d} S}{\mathrm{d} t} = \int u\,\mathrm{d}V - "
        r"u\left(0.3\right)\,\left.\frac{\partial u}{\partial x}\right|_{\mathrm{x\,right}}"
    )


def test_names_of_axes_decide():
    assert r"\partial \theta^{2}" in expression_latex("u_thetatheta", ["u"], ("r", "theta"))
    assert expression_latex("u_in", ["u"]) == r"u_{\mathrm{in}}"  # no derivative: there are no such axes


def test_definitions_and_functions_in_python():
    pde = PDE("c_t = laplace(mu)", definitions={"mu": "c**3 - c"})
    assert equations_latex(pde)[1] == r"\mu = c^{3} - c"

    def mixing(u):
        return -u

    assert equations_latex(PDE(rhs=mixing, unknowns=("u",))) == [r"\frac{\partial u}{\partial t} = \text{mixing}_{u}"]


@given(st.text(alphabet="u_xy0123.+-*/()[]<>=%$#&{}\\~^ sinwhered,:'", max_size=25))
def test_any_text_has_a_form_that_a_browser_reads(text):
    """Whatever stands in a config: never an error of another kind than those of the language, and always MathML."""
    assert convert(expression_latex(text, ["u"])).startswith("<math")
