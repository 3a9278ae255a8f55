"""The project: settings, URLs, the API and its errors, Celery, health checks."""

from lockerportal.celery import app as celery_app

__all__ = ["celery_app"]
