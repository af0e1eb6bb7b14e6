"""Makes one call safely: authentication, the quota, repeats, limits of time and size."""
