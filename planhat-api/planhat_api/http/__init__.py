"""Makes one call with authentication, quota, retries, and limits of time and size."""
