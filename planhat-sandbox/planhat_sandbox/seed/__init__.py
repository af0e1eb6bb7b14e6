"""The seeded tenant: plausible rows for every model, the same for the same seed and sizes."""
