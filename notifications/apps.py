"""The app of messages."""

from django.apps import AppConfig, apps


class NotificationsConfig(AppConfig):
    """Messages to people and machines; knows neither packages nor compartments."""

    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Refuse to start without what the providers need; listen to django-anymail where it is installed."""
        from notifications.delivery.registry import CHANNELS

        for channel in CHANNELS.values():
            channel.check_settings()
        if apps.is_installed("anymail"):
            from notifications.receipts import tracking

            tracking.listen()
