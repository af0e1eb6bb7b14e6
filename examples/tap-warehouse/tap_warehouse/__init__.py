"""Example tap: named SQL queries on a DuckDB file as Singer streams."""
