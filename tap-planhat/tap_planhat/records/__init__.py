"""Makes a RECORD of what Planhat sent: schemas, shapes of values, lines."""
