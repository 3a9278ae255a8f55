"""Doors and places."""

from django.apps import AppConfig


class LockersConfig(AppConfig):
    name = "lockers"
    verbose_name = "Locations and lockers"
