"""The switchboard as a Django app, for its start-up checks and commands."""

from django.apps import AppConfig


class LockerPortalConfig(AppConfig):
    name = "lockerportal"
    verbose_name = "Locker Portal"

    def ready(self) -> None:
        from lockerportal import checks  # noqa: F401  (registers them)
