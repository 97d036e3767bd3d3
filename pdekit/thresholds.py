"""The measured thresholds, in one place, each with its evidence.

All were measured on 2 cores (x86-64, AVX2, 1 to 2 MB of second-level cache a core) unless said otherwise. They decide what
is faster, never what is right. Whatever uses one takes a `Thresholds` and has `THRESHOLDS` for default: a test, or a person
with another machine, passes another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def _by_dimension(**sizes: int) -> Mapping[int, int]:
    return field(default_factory=lambda: {int(name[1]): size for name, size in sizes.items()})


@dataclass(frozen=True)
class Thresholds:
    """From which sizes on what pays.

    Parameters
    ----------
    separable_from : int
        Unknowns below which a sparse factorisation is as good as transforms (2,000: 45^2, both 1 ms a solve).
    krylov_once, krylov_each_step : mapping of int to int
        By dimension, unknowns from which iterations are cheaper than the factors of sparse LU: of a problem that is solved
        once, and of one solved at every step with the same factors (512^2: 1.6 s once and 20 ms a step; iterations 500 ms).
    scaled_from : float
        The lowest eigenvalue of ``factor div(k grad)`` beside the shift from which the preconditioner of mean coefficients is
        scaled by the root of k (iterations without and with: 24 and 6 at 7, 24 and 13 at 0.07, 22 and 18 at 0.007, 14 and 22 at
        0.0007; k from 1 to 4, and the same for k from 1 to 20).
    explicit_steps : int
        Explicit adaptive methods are taken while they need no more steps than this for stability alone. Beyond, their error
        control rides on the stability limit and leaves a pattern of the size of the tolerance at the grid scale. So many at 1e-6; where
        RKC2 takes over, ``(1e-6/rtol)^(1/5)`` of them at looser tolerances, as the steps that accuracy asks for (tsitouras and rkc2 at
        1e-3, 1e-4, 1e-5, ms: Allen-Cahn 128^2, 190 steps, 47 and 22, 47 and 24, 46 and 30; Brusselator 64^2, 148, 86 and 68, 91 and 143,
        96 and 391; Gray-Scott 128^2, 214, 62 and 31, 66 and 43, 66 and 81).
    exponential_from : float
        Spectral radius times duration from which exponential methods take over from the stages of compiled RKC2: a stage of theirs
        costs as much as ten compiled evaluations (etdrk4 against rkc2: Gray-Scott 200^2, 2e3: 6.9 s and 0.6 s; Allen-Cahn 129^2, 1e3:
        0.41 and 0.27; Schnakenberg 65^2, 3e4: 0.4 to 0.7 and 0.55; Brusselator 128^2, 1.5e5: 1.0 and 1.1).
    turning_steps : int
        Steps that an explicit method needs for stability alone, from which complex semilinear waves go by exponential methods (cubic
        Schroedinger, 256 nodes, rtol 1e-6: at 23, 70 and 231 such steps 12, 15 and 19 ms against 20, 44 and 125 ms by DOP853, errors of
        0.1 to 9 rtol; 128^2, 7 to 35: 50 to 70 ms against 210 to 510 ms).
    rest_share : float
        Of the stiff part's spectral radius, up to which exponential methods leave the other derivatives to an explicit treatment
        (viscous Burgers 400 nodes, 0.1: as long as BDF; Kuramoto-Sivashinsky, 0.02: a quarter).
    stabilised_from : mapping of int to int
        By dimension, unknowns from which sparse LU costs more than the stages of a stabilised explicit method
        (u_t = laplace(u) - u^3 at rtol 1e-6: 128^2 3 s against 1.5 s, 256^2 19 s against 1.5 s). Banded LU in 1-D never does.
    largest_3d_lu : int
        Unknowns of a 3-D problem beyond which LU factors are larger still than many explicit steps are long.
    loose : float
        Relative tolerance below which a method of order 2 needs too many steps.
    tight : mapping of int to float
        By dimension, relative tolerance from which downwards Radau takes the place of BDF (1-D, 300 to 4,000 nodes, Burgers, porous
        medium, Fisher: at 1e-6 0.1 to 0.18 s against 0.08 to 0.24 s, with errors of 0.01 rtol against 0.5 to 6; its LU factors are complex).
    matrix_free_from : int
        Unknowns from which no matrix is made to find the spectrum, where the rows say what it is like (301^2 by ARPACK: 27 s).
    compiled_methods_from : int
        Unknowns from which methods of the explicit engine, which run on compiled kernels, are taken (Allen-Cahn, 129^2: 0.16 s against
        0.64 s by DOP853).
    worth_compiling : float
        Node updates: about what matrices do in the second that compiling takes.
    overhead_nonlinear, overhead_kinked : int
        Nodes that matrices update in the time that they take for an evaluation in any case, by 100 nodes: of a nonlinear system (14 to
        36 microseconds), and of one whose diffusivity jumps (80).
    kinked_evaluations : int
        Evaluations for every node that such a front passes (melting: 200 at a tolerance of 1e-4, 540 at 1e-6).
    worth_sweeping : float
        The same of limited schemes, of which NumPy does some hundred thousand updates a second (a system of three, by characteristics:
        0.3 million) and a sweep takes some seconds more to compile.
    sweeps_from : int
        Values from which the compiled sweeps of an operator are worth loading the compiler.
    bounded_from : int
        Unknowns from which a bound on the rows stands for the spectrum where only the kind of method is to be chosen (Brusselator 65^2:
        choosing took 0.18 s of 0.31 s).
    dense_spectrum : int
        Unknowns up to which the whole spectrum is computed (400: 0.1 s).
    dense_axis : mapping of int to int
        By dimension, nodes of an axis up to which its eigenvectors are found as a dense matrix (400: 20 ms, 1200: 0.4 s, 2500: 4 s;
        in one dimension banded LU is as good beyond).
    near_zero_spectrum : int
        Unknowns up to which eigenvalues next to zero are looked for, which takes LU factors.
    most_pointers : int
        Rows that one loop of a kernel may read and write (3-D, order 4, 13 rows: 1.4 times faster in one loop; order 8, 25: 1.6 times
        slower).
    strip : mapping of int to int
        By dimension, values (2-D: of all states) in the rows that a kernel does as one.
    slab_bytes : int
        Of the rows of a slab of a 3-D kernel, which are to stay in the second-level cache.
    shared_from : int
        Node updates below which handing work to a second thread costs more than it saves.
    reduced_from : int
        Nodes from which integrals and extrema are found by a compiled pass, if the right-hand side is compiled (measured on 512^2:
        0.09 ms for three numbers, NumPy 0.8 ms; compiling takes 0.6 s, once).
    reduced_by_threads_from : int
        Nodes from which that pass is shared by threads (0.26 ms on 512^2 by one, 0.38 by two that must be woken).
    wavefront_from : int
        Bytes of a state; smaller ones stay in the cache from stage to stage anyway.
    chunk_bytes : int
        Of the rows that one stage of a wavefront does before the next one follows.
    most_twice : float
        Share of the rows of a wavefront that may be computed by two threads.
    pace_known_after : float
        Seconds of a run after which it is predicted how long it will take.
    most_tried_by_lu : int
        Unknowns on two or more axes beyond which a slow run tries no method with LU factors: the first factors of Gray-Scott on 512^2
        took BDF more than half an hour and 7 GB, and nothing interrupts a factorisation.
    others_tried_from : float
        Seconds that are left, from which other methods are tried where a run takes much longer than predicted: a twentieth of it
        for eight methods, 0.15 s for each.
    look_always_below, look_every : int
        Unknowns below which every state is looked at for blow-up; steps between looks beyond (a look costs as much as a
        quarter of a compiled Euler step).
    """

    separable_from: int = 2_000
    krylov_once: Mapping[int, int] = _by_dimension(d2=60_000, d3=15_000)
    krylov_each_step: Mapping[int, int] = _by_dimension(d2=600_000, d3=30_000)
    scaled_from: float = 1e-3
    explicit_steps: int = 400
    exponential_from: float = 1.5e5
    turning_steps: int = 20
    rest_share: float = 0.05
    stabilised_from: Mapping[int, int] = _by_dimension(d2=8_000, d3=4_000)
    largest_3d_lu: int = 30_000
    loose: float = 1e-7
    tight: Mapping[int, float] = field(default_factory=lambda: {1: 1e-4, 2: 1e-8, 3: 1e-8})
    matrix_free_from: int = 20_000
    compiled_methods_from: int = 8_000
    worth_compiling: float = 6e7
    overhead_nonlinear: int = 1_000
    overhead_kinked: int = 5_000
    kinked_evaluations: int = 400
    worth_sweeping: float = 1e7
    sweeps_from: int = 1 << 16
    bounded_from: int = 1_000
    dense_spectrum: int = 400
    dense_axis: Mapping[int, int] = _by_dimension(d1=400, d2=2500, d3=2500)
    near_zero_spectrum: int = 20_000
    most_pointers: int = 14
    strip: Mapping[int, int] = _by_dimension(d2=8192, d3=4096)
    slab_bytes: int = 700_000
    shared_from: int = 1 << 17
    reduced_from: int = 1 << 14
    reduced_by_threads_from: int = 1 << 20
    wavefront_from: int = 1 << 20
    chunk_bytes: int = 60_000
    most_twice: float = 0.25
    pace_known_after: float = 1.0
    most_tried_by_lu: int = 100_000
    others_tried_from: float = 24.0
    look_always_below: int = 20_000
    look_every: int = 16


THRESHOLDS = Thresholds()
