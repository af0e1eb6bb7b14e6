"""Reads a list by pages, so that no row is passed over while rows come and go."""
