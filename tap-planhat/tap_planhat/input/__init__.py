"""Checks the files that a run is given: catalog and state."""
