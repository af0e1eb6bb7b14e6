"""The ways in which rows are sent to Planhat: bulk upserts, metrics and others."""
