"""Configs, Python programs and results files."""
