"""Sending SMS, made as Django makes e-mail: SMS_BACKEND is the dotted path of a class."""

from django.conf import settings
from django.utils.module_loading import import_string

from notifications.sms.base import BaseSmsBackend


def get_backend() -> BaseSmsBackend:
    """A new instance of the class that SMS_BACKEND names."""
    backend = import_string(settings.SMS_BACKEND)()
    assert isinstance(backend, BaseSmsBackend)
    return backend
