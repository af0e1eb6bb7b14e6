"""Decides for each row what is sent of it, from what Planhat holds."""
