"""Writes Singer messages to standard output."""
