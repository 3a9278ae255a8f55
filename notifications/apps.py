"""The room of messages."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Words to people and machines; knows neither packages nor doors."""

    name = "notifications"
    verbose_name = "Notifications"
