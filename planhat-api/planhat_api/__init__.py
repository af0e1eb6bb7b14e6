"""Planhat's REST API: every model as data, and one careful HTTP client."""
