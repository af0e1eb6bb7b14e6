"""Says which rows each stream reads, and how far it was read."""
