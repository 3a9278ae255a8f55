"""The room of messages."""

from django.apps import AppConfig, apps


class NotificationsConfig(AppConfig):
    """Words to people and machines; knows neither packages nor doors."""

    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """What django-anymail hears of e-mails is a receipt, where it is installed and used."""
        if apps.is_installed("anymail"):
            from notifications.receipts import tracking

            tracking.listen()
