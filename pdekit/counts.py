"""What a run cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class Statistics:
    """Counts of a run, and the seconds that compiling took."""

    steps: int = 0
    rejected: int = 0
    evaluations: int = 0
    jacobians: int = 0
    factorisations: int = 0
    newton_iterations: int = 0
    pseudo_time_steps: int = 0
    compile_seconds: float = 0.0

    def plain(self) -> dict[str, float]:
        """By name, seconds to a millionth."""
        return {k: round(float(v), 6) if isinstance(v, float) else int(v) for k, v in asdict(self).items()}
