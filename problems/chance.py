"""Chance, as an evolution of densities and of expectations: worked problems with their exact solutions."""

from __future__ import annotations

import pdekit as pk


def ornstein_uhlenbeck(points: int = 121) -> pk.Problem:
    """The Fokker-Planck equation of the Ornstein-Uhlenbeck process ``dX = -theta X dt + sqrt(2 D) dW``: a Gaussian that stays one.

    H. Risken, *The Fokker-Planck equation* (1989), section 5.3. No probability flows through the ends.
    """
    variance = "(D/theta*(1 - exp(-2*theta*t)) + s**2*exp(-2*theta*t))"
    density = f"exp(-(x - m*exp(-theta*t))**2/(2*{variance}))/sqrt(2*pi*{variance})"
    return pk.Problem(
        pk.PDE("p_t = d(theta*x*p, x) + D*p_xx", parameters={"theta": 1.0, "D": 0.5, "m": 1.5, "s": 0.4}),
        pk.Grid(x=pk.Axis(-5, 5, points)),
        initial={"p": density.replace("*t)", "*0)")},
        boundary={"p": {"x": {"left": pk.Robin("-5*theta", "-D", 0), "right": pk.Robin("5*theta", "D", 0)}}},
        exact={"p": density},
        time=pk.TimeSettings(end=2.0),
        output=pk.OutputSettings(frames=41),
        convergence=pk.ConvergenceSettings(points=(41, 81, 161), expect=2),
        title="Ornstein-Uhlenbeck process",
        labels={"p": {"long_name": "density"}},
    )


def european_call(points: int = 241) -> pk.Problem:
    """The price of a European call by the Black-Scholes equation, t being the time to expiry.

    F. Black and M. Scholes, J. Polit. Econ. 81 (1973) 637-654. The pay-off has its kink at a node. The Greeks are derivatives of the
    price: ``pk.derivative(grid, "S", 1)`` gives delta, ``pk.derivative(grid, "S", 2)`` gamma.
    """
    d1 = "((log(S/K) + (r + s**2/2)*t)/(s*sqrt(max(t, 1e-30))))"
    normal = "(1 + erf({}/sqrt(2)))/2"
    price = f"where(S > 0, S*{normal.format(d1)} - K*exp(-r*t)*{normal.format(f'({d1} - s*sqrt(t))')}, 0)"
    return pk.Problem(
        pk.PDE("V_t = s**2*S**2/2*V_SS + r*S*V_S - r*V", parameters={"r": 0.05, "s": 0.3, "K": 100.0}),
        pk.Grid(S=pk.Axis(0, 400, points, long_name="price of the share")),
        initial={"V": "max(S - K, 0)"},
        boundary={"V": {"S": {"left": pk.Dirichlet(0), "right": pk.Dirichlet("S - K*exp(-r*t)")}}},
        exact={"V": price},
        time=pk.TimeSettings(end=1.0),
        output=pk.OutputSettings(frames=11),
        convergence=pk.ConvergenceSettings(points=(41, 81, 161), expect=2),
        title="European call",
        labels={"V": {"long_name": "price of the option"}},
    )


def bermudan_put(points: int = 401, dates: tuple[float, ...] = (0.25, 0.5, 0.75)) -> pk.Problem:
    """A put that may be exercised at given dates, in the time before expiry: there it is worth its payoff at least."""
    return pk.Problem(
        pk.PDE("V_t = sigma**2/2*S**2*V_SS + r*S*V_S - r*V", parameters={"sigma": 0.2, "r": 0.06, "K": 40}),
        pk.Grid(S=pk.Axis(0, 120, points)),
        initial={"V": "max(K - S, 0)"},
        boundary={"V": {"S": {"left": pk.Outflow(), "right": pk.Dirichlet(0)}}},
        projections={"V >= max(K - S, 0)": dates},
        time=pk.TimeSettings(end=1.0),
        output=pk.OutputSettings(frames=11, series={"at_36": "V(36)"}),
        title="Bermudan put option",
    )
