"""A local stand-in for Planhat, for rehearsals and tests."""
