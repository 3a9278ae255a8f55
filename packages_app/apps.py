"""Custody of packages."""

from importlib import import_module

from django.apps import AppConfig


class PackagesConfig(AppConfig):
    """The app; its label is that of the tables and must not change."""

    name = "packages_app"
    verbose_name = "Packages"

    def ready(self) -> None:
        """Register the check of the pickup codes that wait."""
        import_module("packages_app.rules.waiting_codes")
