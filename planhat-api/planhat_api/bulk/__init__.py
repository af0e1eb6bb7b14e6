"""Sends rows in bulk upserts and finds out the outcome of each row."""
