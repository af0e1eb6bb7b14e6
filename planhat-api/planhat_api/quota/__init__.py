"""Gives calls their turns, so that all processes that call a tenant stay within its quota together (B10)."""
