"""Finds out after the run whether Planhat shows the rows that it claims to have stored."""
