"""Measured times and ratios: ``python -m tests.benchmarks``. Never part of pass or fail."""
