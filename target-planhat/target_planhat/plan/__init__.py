"""Shows what a run does, or would do, to the records in Planhat."""
