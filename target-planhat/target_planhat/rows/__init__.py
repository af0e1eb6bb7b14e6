"""Builds rows from records: finds the model, maps the fields, decides the key and converts the values."""
