"""The model files, one JSON Schema per Planhat model."""
