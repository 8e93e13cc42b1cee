"""The wiring: settings, addresses, workers. Imports every room and is imported by none."""

from damancom.celery import app as celery_app

__all__ = ["celery_app"]
