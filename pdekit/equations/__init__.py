"""The equation language: text to symbols. Knows nothing of grids."""
