"""Generates realistic rows for every model, always the same for the same seed and sizes."""
