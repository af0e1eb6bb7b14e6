"""Decides which rows each stream reads, and keeps its bookmark."""
