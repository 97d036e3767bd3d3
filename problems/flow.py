"""Flow of a viscous fluid by its stream function and vorticity."""

from __future__ import annotations

import pdekit as pk


def lid_driven_cavity(points: int = 65, reynolds: float = 100.0) -> pk.Problem:
    """A square box whose lid slides: the steady flow, u = psi_y, v = -psi_x, w = v_x - u_y.

    The stream function has two conditions at every wall, its value and its slope. The equation of the vorticity holds inside, where psi
    is not known; ``w = -laplace(psi)`` on all nodes, by rows that take up both conditions: so the walls make vorticity.
    O. Botella and R. Peyret, Comput. Fluids 27 (1998) 421-433, and U. Ghia, K. N. Ghia and C. T. Shin, J. Comput. Phys. 48 (1982) 387-411, have the velocities on the centre lines.
    """
    wall, lid = [pk.Dirichlet(0), pk.Neumann(0)], [pk.Dirichlet(0), pk.Neumann(1)]
    return pk.Problem(
        pk.PDE(
            ["0 = laplace(w)/Re - psi_y*w_x + psi_x*w_y", "0 = w + laplace(psi)"],
            unknowns=("psi", "w"),
            parameters={"Re": reynolds},
        ),
        pk.Grid(x=pk.Axis(0, 1, points), y=pk.Axis(0, 1, points)),
        initial={"psi": "0", "w": "0"},
        boundary={
            "psi": {"x": {"left": wall, "right": wall}, "y": {"left": wall, "right": lid}},
            "w": {"x": pk.Outflow(), "y": pk.Outflow()},
        },
        output=pk.OutputSettings(fields={"u": "psi_y", "v": "-psi_x"}),
        title=f"Lid-driven cavity, Re = {reynolds:g}",
    )
