"""Pages that show a result."""
