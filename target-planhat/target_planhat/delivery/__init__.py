"""Sends rows: in batches, in order, in the way of each model."""
