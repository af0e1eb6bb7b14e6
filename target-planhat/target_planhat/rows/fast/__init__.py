"""Builds many rows at once from messages that are still bytes. The entry point is `fast_rows`."""
