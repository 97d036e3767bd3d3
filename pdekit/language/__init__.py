"""The equation language: text to symbols."""
