"""Reads a list in pages without missing rows while rows are inserted and deleted."""
