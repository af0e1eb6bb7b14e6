"""Metric points: the day that each is for, what days hold, and which points arrived."""
