"""Reads single values, such as dates, numbers, ids and names, by the same rules for tap and target."""
