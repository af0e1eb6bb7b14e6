"""Describes each Planhat model in a JSON file."""
