"""Checks the catalog file and the state file of a run."""
