"""Custody of packages."""

from importlib import import_module

from django.apps import AppConfig


class PackagesConfig(AppConfig):
    name = "packages_app"
    verbose_name = "Packages"

    def ready(self) -> None:
        """Register the check of the pickup codes that wait."""
        import_module("packages_app.rules.waiting_codes")
