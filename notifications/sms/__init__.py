"""Sending SMS, built like Django's email: SMS_BACKEND is the dotted path of a backend class."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from notifications.sms.base import BaseSmsBackend, Provider

# Settings of the first provider end in nothing, those of the second one in _2.
_SUFFIXES = ("", "_2")


def providers() -> list[Provider]:
    """Return the providers of SMS, the preferred one first: one, or two where SMS_BACKEND_2 is set."""
    return [_provider(suffix) for suffix in _SUFFIXES if _setting("BACKEND", suffix)]


def get_backend(name: str = "") -> BaseSmsBackend:
    """Return a new session with the named provider, or the first. Raise `LookupError` if there is none."""
    for provider in providers():
        if name in ("", provider.name):
            return _backend_class(provider.backend)(provider)
    raise LookupError(f"no SMS provider is called {name}")


def check_settings() -> None:
    """Raise `ImproperlyConfigured`, naming the variable, where a provider lacks a value that it needs.

    In development a token may be missing: gateways on this machine ask for none.
    """
    for suffix in _SUFFIXES:
        if not _setting("BACKEND", suffix):
            continue
        try:
            provider = _provider(suffix)
        except (ImportError, TypeError) as error:
            raise ImproperlyConfigured(f"SMS_BACKEND{suffix} cannot be used: {error}") from error
        needs = _backend_class(provider.backend).needs - ({"token"} if settings.DEBUG else set())
        for value in sorted(needs):
            if not getattr(provider, value):
                name = f"SMS_GATEWAY_{value.upper()}{suffix}"
                raise ImproperlyConfigured(f"{name} is missing. See .env.example.")


def _provider(suffix: str) -> Provider:
    path = str(_setting("BACKEND", suffix))
    needs = _backend_class(path).needs
    return Provider(
        _setting("PROVIDER", suffix),
        path,
        url=_setting("GATEWAY_URL", suffix) if "url" in needs else "",
        token=_setting("GATEWAY_TOKEN", suffix) if "token" in needs else "",
        sender=_setting("SENDER", suffix),
    )


def _setting(name: str, suffix: str) -> str:
    return str(getattr(settings, f"SMS_{name}{suffix}"))


def _backend_class(path: str) -> type[BaseSmsBackend]:
    backend = import_string(path)
    if not (isinstance(backend, type) and issubclass(backend, BaseSmsBackend)):
        raise TypeError(f"{path} is not a subclass of notifications.sms.base.BaseSmsBackend")
    return backend
