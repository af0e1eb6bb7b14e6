"""Runs on Celery workers on any number of machines."""
