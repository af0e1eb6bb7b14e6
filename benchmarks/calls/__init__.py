"""Counts the calls that a sync takes, beside the fewest possible and beside other programs."""
