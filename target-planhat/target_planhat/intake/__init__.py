"""Reads Singer messages, and handles checkpoints and signals."""
