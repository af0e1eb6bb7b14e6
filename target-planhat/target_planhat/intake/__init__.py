"""Reads Singer messages, and decides when what is pending goes out."""
