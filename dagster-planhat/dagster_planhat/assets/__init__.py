"""The assets of a tenant."""
