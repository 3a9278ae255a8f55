"""The switchboard as a Django app, for its commands and static files."""

from django.apps import AppConfig


class LockerPortalConfig(AppConfig):
    name = "lockerportal"
    verbose_name = "Locker Portal"
