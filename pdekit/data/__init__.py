"""Derivatives of arrays, noisy data and Python functions; data in files."""
