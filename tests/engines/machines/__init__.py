"""A backfill of some tenants by Celery workers on machines of their own, all of them played by this one."""
