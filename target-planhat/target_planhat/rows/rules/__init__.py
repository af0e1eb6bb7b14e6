"""Says what rows must hold, for each way that they can go."""
