"""Records the outcome of each record: in counts, receipts and rejects."""
