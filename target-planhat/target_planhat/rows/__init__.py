"""Makes a row of a record: which model, which fields, which key, which values."""
