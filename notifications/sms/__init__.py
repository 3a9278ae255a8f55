"""Sending SMS, made as Django makes e-mail: SMS_BACKEND is the dotted path of a class."""

from django.conf import settings
from django.utils.module_loading import import_string

from notifications.sms.base import BaseSmsBackend, Provider


def providers() -> list[Provider]:
    """Those who send our SMS, the preferred one first: one, or two where SMS_BACKEND_2 is set."""
    first = Provider(
        settings.SMS_PROVIDER,
        settings.SMS_BACKEND,
        url=settings.SMS_GATEWAY_URL,
        token=settings.SMS_GATEWAY_TOKEN,
        sender=settings.SMS_SENDER,
    )
    if not settings.SMS_BACKEND_2:
        return [first]
    second = Provider(
        settings.SMS_PROVIDER_2,
        settings.SMS_BACKEND_2,
        url=settings.SMS_GATEWAY_URL_2,
        token=settings.SMS_GATEWAY_TOKEN_2,
        sender=settings.SMS_SENDER_2,
    )
    return [first, second]


def get_backend(name: str = "") -> BaseSmsBackend:
    """A new session with the provider of that name, or with the first. Raises LookupError for no such one."""
    for provider in providers():
        if name in ("", provider.name):
            backend = import_string(provider.backend)(provider)
            assert isinstance(backend, BaseSmsBackend)
            return backend
    raise LookupError(f"no SMS provider is called {name}")
