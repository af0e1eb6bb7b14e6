"""What a run needs and Dagster has no part in."""
