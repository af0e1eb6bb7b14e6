"""Sends rows in bulk, and finds out what became of each."""
