"""Sends rows to Planhat in batches. Each model has its way in which its rows are sent."""
