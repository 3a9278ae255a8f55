"""The app of locations, lockers and compartments."""

from django.apps import AppConfig


class LockersConfig(AppConfig):
    """Configures the app."""

    name = "lockers"
    verbose_name = "Locations and lockers"
