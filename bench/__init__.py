"""Measures this project beside raw Celery on this machine: ``python -m bench``."""
