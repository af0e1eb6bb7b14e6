"""The demo: a Planhat tenant into DuckDB, and results of SQL back into Planhat, through Meltano."""
