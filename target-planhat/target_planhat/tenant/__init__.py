"""Reads what the target must know about the Planhat tenant that it writes to."""
