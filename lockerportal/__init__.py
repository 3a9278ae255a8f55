"""The switchboard of Locker Portal: settings, URLs, the API, Celery, health."""

from lockerportal.celery import app as celery_app

__all__ = ["celery_app"]
