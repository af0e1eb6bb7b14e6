"""Keeps account of what became of each record: counts, files, the policy on rejects."""
