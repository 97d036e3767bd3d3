"""A compiled right-hand side on a GPU: the rows and tables of the kernels, states that stay on the device."""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numba import cuda

from pdekit.discretize.system import SemiDiscrete
from pdekit.discretize.terms.term_protocol import NotCompiled
from pdekit.kernels.cache import load
from pdekit.kernels.device_memory import HEADER, launch
from pdekit.kernels.device_pass import STATES, DeviceSource, write_device_pass
from pdekit.kernels.device_passes import DevicePasses
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.prescribed import Prescribed
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.typing import Array

MOST_BYTES = 4096  # of the arguments of a kernel


class DeviceKernel:
    """The right-hand side of a system, compiled for a GPU.

    States are flat arrays on the device, of all blocks one after the other, prescribed nodes included.

    Parameters
    ----------
    system : SemiDiscrete
    thresholds : Thresholds
    host : Kernel, optional
        The processor's kernel of what is computed, by default of the right-hand side.
    definitions : device array, optional
        Where definitions with conditions of their own stand, one after the other; made where it is missing.

    Raises
    ------
    NotCompiled
        The system has something that a GPU does not do here; says what.
    """

    def __init__(
        self,
        system: SemiDiscrete,
        thresholds: Thresholds = THRESHOLDS,
        host: Kernel | None = None,
        definitions: Any = None,
    ) -> None:
        self.system = system
        self.host = host or Kernel(system, thresholds=thresholds)
        if self.host.sweeps:
            raise NotCompiled("limited schemes go line by line")
        self.shape, self.dtype = self.host.shape, self.host.dtype
        self._compile_seconds = 0.0
        self._passes: dict[str, tuple[DeviceSource, Any]] = {}
        self._begun: set[str] = set()
        self._fixed: dict[str, Any] = {}  # arguments on the device, flat ones under their name and an underscore
        self.passes = DevicePasses(int(np.prod(self.shape)))
        if definitions is None and self.host.plan.definitions:
            definitions = self.on_device(self.host.arguments["D"].ravel())
        if definitions is not None:
            self._fixed["D_"] = definitions
        self._before = [
            _Definition(DeviceKernel(system, thresholds, part, definitions), definitions, number)
            for number, part in enumerate(self.host.before)
        ]

    @property
    def compile_seconds(self) -> float:
        """How long compiling took, or loading what had been compiled before."""
        return self._compile_seconds + sum(definition.kernel.compile_seconds for definition in self._before)

    def prepare(self) -> None:
        """Write the source now, so that what cannot be compiled is found."""
        for kernel in (*(definition.kernel for definition in self._before), self):
            kernel._pass("rate")

    def _pass(self, mode: str) -> tuple[DeviceSource, Any]:
        """The kernel of a mode."""
        if mode not in self._passes:
            source = write_device_pass(self.host.plan, mode)
            self._refuse_arguments(source)
            for name in source.whole:
                if isinstance(self.host.arguments.get(name), np.ndarray):
                    self._fixed[name] = self.on_device(self.host.arguments[name])
            for name in (name for name in source.flat if name not in STATES and f"{name}_" not in self._fixed):
                self._fixed[f"{name}_"] = self.on_device(np.ravel(self.host.arguments[name]))
            self._passes[mode] = source, getattr(load(source.text, HEADER), source.function)
        return self._passes[mode]

    def _refuse_arguments(self, source: DeviceSource) -> None:
        """Refuse more arrays than a kernel can be handed: each takes seven words, and two for every axis after the first."""
        arrays = [np.ndim(self.host.arguments.get(name, 0.0)) for name in source.whole]
        words = sum(5 + 2 * ndim for ndim in arrays) + len(source.flat) * (7 + len(self.shape))
        if 8 * words > MOST_BYTES:
            count = len(arrays) + len(source.flat)
            raise NotCompiled(f"its {count} tables are more than the arguments of a GPU's kernel")

    @staticmethod
    def on_device(values: Array) -> Any:
        """A copy on the device."""
        return cuda.to_device(np.ascontiguousarray(values))

    def states(self, count: int) -> list[Any]:
        """So many states, of zeros."""
        nothing = np.zeros(self.passes.size, dtype=self.dtype)
        return [cuda.to_device(nothing) for _ in range(count)]

    def apply(
        self,
        mode: str,
        t: float,
        Y: Any,
        out: Any = None,
        coefficients: Array | None = None,
        others: Sequence[Any] = (),
        z: Any = None,
    ) -> None:
        """One pass over memory, as that of `pdekit.kernels.kernel.Kernel.apply`, of states on the device."""
        begun = clock.perf_counter()
        source, kernel = self._pass(mode)
        self._refresh(t)
        for definition in self._before:
            definition.find(t, Y)
        numbers = None if coefficients is None else tuple(map(float, coefficients))
        moving = {"Y_": Y, "O_": out, "Z_": z, "c": numbers, "t": float(t)}
        moving |= {f"A{p}_": other for p, other in enumerate(others)}
        words: list[Any] = [self.host.arguments["jl"], self.host.arguments["jr"], self.shape]
        for name in source.flat:
            words.append(moving[f"{name}_"] if name in STATES else self._fixed[f"{name}_"])
            if name not in STATES:
                words.append(np.shape(self.host.arguments[name]))
        words += [moving[name] if name in moving else self._fixed[name] for name in source.whole]
        launch(kernel, self.system.grid.shape[::-1], *words)
        if mode not in self._begun:  # compiled now, or loaded
            self._begun.add(mode)
            self._compile_seconds += clock.perf_counter() - begun

    def _refresh(self, t: float) -> None:
        """Boundary data and coefficients at time t: found by the processor, and copied."""
        moving = self.host.moving
        if not moving:
            return
        self.host.refresh(t)
        for name in moving:
            values = np.ascontiguousarray(self.host.arguments[name])
            if name in self._fixed:
                self._fixed[name].copy_to_device(values)
            if f"{name}_" in self._fixed:
                self._fixed[f"{name}_"].copy_to_device(values.ravel())

    @cached_property
    def _prescribed(self) -> _PrescribedOnDevice:
        return _PrescribedOnDevice(Prescribed.of(self.system), self.passes, self.dtype)

    def fill(self, Y: Any, t: float) -> None:
        """Write the prescribed values at time t into a state."""
        self._prescribed.write(Y, t, "values")

    def fill_rates(self, F: Any, t: float) -> None:
        """Write the rates of the prescribed values into a right-hand side; zero where they are not known."""
        self._prescribed.write(F, t, "rates")

    def unpacked(self, t: float, y: Array) -> Any:
        """The state of a vector of unknowns, on the device."""
        return self.on_device(self.host.unpacked(t, y).ravel())

    def packed(self, Y: Any) -> Array:
        """The vector of unknowns of a state."""
        return self.host.packed(Y.copy_to_host().reshape(self.shape))

    def rhs(self, t: float, y: Array) -> Array:
        """The right-hand side as a function of the vector of unknowns, equal to `SemiDiscrete.rhs` to rounding."""
        (out,) = self.states(1)
        self.apply("rate", t, self.unpacked(t, y), out)
        return self.packed(out)


class _PrescribedOnDevice:
    """Prescribed nodes of states on the device, whose values are copied there when they are others.

    Parameters
    ----------
    prescribed : Prescribed
    passes : DevicePasses
    dtype : numpy.dtype
        Of the states.
    """

    def __init__(self, prescribed: Prescribed, passes: DevicePasses, dtype: np.dtype[Any]) -> None:
        self.prescribed, self.passes, self.dtype = prescribed, passes, dtype
        self._written: dict[str, tuple[float, Any]] = {}  # values on the device, and of what time they are

    @cached_property
    def _nodes(self) -> Any:
        return DeviceKernel.on_device(self.prescribed.nodes)

    def write(self, out: Any, t: float, what: str) -> None:
        """Write their values into states, or the rates of these."""
        prescribed = self.prescribed
        if not prescribed.block.size:
            return
        before, values = self._written.get(what, (None, None))
        if values is None or not (prescribed.constant or before == t):
            found = (prescribed.values if what == "values" else prescribed.rates)(t).astype(self.dtype)
            if values is None:
                values = DeviceKernel.on_device(found)
            else:
                values.copy_to_device(found)
            self._written[what] = t, values
        self.passes.write(out, self._nodes, values)


class _Definition:
    """A definition with conditions of its own, found at a state by a pass of its own.

    Parameters
    ----------
    kernel : DeviceKernel
    definitions : device array
        Where all of them stand.
    number : int
        Among them.
    """

    def __init__(self, kernel: DeviceKernel, definitions: Any, number: int) -> None:
        system, size = kernel.system, kernel.system.grid.size
        conditions = kernel.host.plan.conditions(len(system.blocks) + number)
        self.kernel = kernel
        self._values = definitions[number * size : (number + 1) * size]
        self._prescribed = _PrescribedOnDevice(Prescribed([conditions], system.grid.shape), kernel.passes, kernel.dtype)

    def find(self, t: float, Y: Any) -> None:
        """Its values at a state, with what is prescribed of them."""
        self.kernel.apply("rate", t, Y, self._values)
        self._prescribed.write(self._values, t, "values")
