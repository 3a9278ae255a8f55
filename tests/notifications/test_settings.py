"""The settings of messages: production refuses to start when nothing would be sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from lockerportal.env import messages as env_messages

SECRET = "hunter2-hunter2"
URL, TOKEN = "SMS_GATEWAY_URL", "SMS_GATEWAY_TOKEN"


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> environ.Env:
    for name in list(os.environ):
        if name.startswith(("EMAIL_", "SMS_", "DEFAULT_FROM")):
            monkeypatch.delenv(name)
    return environ.Env()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "django.core.mail.backends.console.EmailBackend",
        "django.core.mail.backends.dummy.EmailBackend",
        "django.core.mail.backends.filebased.EmailBackend",
        "django.core.mail.backends.locmem.EmailBackend",
        "notifications.dev.mailbox.EmailBackend",
        "notifications.sms.console.SmsBackend",
        "notifications.sms.file.SmsBackend",
        "notifications.sms.locmem.SmsBackend",
        "notifications.sms.mailbox.SmsBackend",
        "smtp",
        "not a.path",
    ],
)
def test_production_wants_a_backend_that_sends(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SMS_BACKEND", value)
    with pytest.raises(ImproperlyConfigured, match=r"^SMS_BACKEND ") as caught:
        env_messages.backend(env, "SMS_BACKEND", default="", debug=False)
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize(
    "value", [env_messages.SMS_HTTP, env_messages.SMTP, "anymail.backends.mailgun.EmailBackend"]
)
def test_a_backend_that_sends_is_taken(env: environ.Env, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("EMAIL_BACKEND", value)
    assert env_messages.backend(env, "EMAIL_BACKEND", default="", debug=False) == value


def test_development_may_have_any(env: environ.Env) -> None:
    default = env_messages.MAILBOX_SMS
    assert env_messages.backend(env, "SMS_BACKEND", default=default, debug=True) == default


@pytest.mark.parametrize(
    ("named", "used"),
    [
        # Its timeouts start again with each byte, so a message could go out twice.
        ("django.core.mail.backends.smtp.EmailBackend", env_messages.SMTP),
        ("notifications.smtp.EmailBackend", env_messages.SMTP),
        ("notifications.mailbox.EmailBackend", env_messages.MAILBOX_EMAIL),
    ],
)
def test_other_names_of_our_backends(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, named: str, used: str
) -> None:
    monkeypatch.setenv("EMAIL_BACKEND", named)
    assert env_messages.backend(env, "EMAIL_BACKEND", default="", debug=True) == used
    assert import_string(used)


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.com", 25, None, None),
        ("smtp+tls://us%40er:p%2Fw@mail.example.com", 587, True, None),
        ("smtp+ssl://us%40er:p%2Fw@mail.example.com", 465, None, True),
        ("smtp+tls://mail.example.com:2525", 2525, True, None),
    ],
)
def test_email_url(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, url: str, port: int, tls: bool | None, ssl: bool | None
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    smtp = env_messages.smtp(env)
    assert (smtp["EMAIL_HOST"], smtp["EMAIL_PORT"]) == ("mail.example.com", port)
    assert (smtp.get("EMAIL_USE_TLS"), smtp.get("EMAIL_USE_SSL")) == (tls, ssl)
    if "@mail" in url:
        assert (smtp["EMAIL_HOST_USER"], smtp["EMAIL_HOST_PASSWORD"]) == ("us@er", "p/w")


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("EMAIL_URL", "", lambda env: env_messages.smtp(env)),
        ("EMAIL_URL", f"imap://{SECRET}@mail.example.com", lambda env: env_messages.smtp(env)),
        ("EMAIL_URL", f"smtp:///{SECRET}", lambda env: env_messages.smtp(env)),
        ("EMAIL_URL", f"smtp://{SECRET}@mail:99999999", lambda env: env_messages.smtp(env)),
        ("DEFAULT_FROM_EMAIL", "", lambda env: env_messages.sender(env, debug=False)),
        ("DEFAULT_FROM_EMAIL", SECRET, lambda env: env_messages.sender(env, debug=False)),
        ("DEFAULT_FROM_EMAIL", f"a@b.c\nBcc: {SECRET}", lambda env: env_messages.sender(env, debug=False)),
        (URL, f"http://{SECRET}.example.com", lambda env: env_messages.gateway(env, URL, debug=False)),
        (URL, f"ftp://{SECRET}", lambda env: env_messages.gateway(env, URL, debug=True)),
        (URL, f"https:///{SECRET}", lambda env: env_messages.gateway(env, URL, debug=True)),
        (TOKEN, f"{SECRET}\r\nX: y", lambda env: env_messages.gateway_token(env, TOKEN)),
    ],
)
def test_nonsense_is_refused_by_name_and_never_by_value(
    env: environ.Env,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    read: Callable[[environ.Env], object],
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} ") as caught:
        read(env)
    assert SECRET not in str(caught.value)


def test_what_is_right_is_taken(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", "Lockers <lockers@example.com>")
    monkeypatch.setenv("SMS_GATEWAY_URL", "http://127.0.0.1:8080/send")
    monkeypatch.setenv("SMS_GATEWAY_TOKEN", "abc")
    assert env_messages.sender(env, debug=False) == "Lockers <lockers@example.com>"
    assert env_messages.gateway(env, URL, debug=False) == "http://127.0.0.1:8080/send"
    assert env_messages.gateway_token(env, TOKEN) == "abc"


def test_the_gateway_is_left_to_the_backend_where_none_is_named(env: environ.Env) -> None:
    assert env_messages.gateway(env, URL, debug=False) == ""
    assert env_messages.gateway_token(env, TOKEN) == ""


def test_a_second_provider_need_not_be(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    assert env_messages.second_backend(env, "SMS_BACKEND_2", debug=False) == ""
    monkeypatch.setenv("SMS_GATEWAY_URL_2", "https://sms.example.com")  # half a second provider is a mistake
    with pytest.raises(ImproperlyConfigured, match=r"^SMS_BACKEND_2 is missing"):
        env_messages.second_backend(env, "SMS_BACKEND_2", debug=False)
    monkeypatch.setenv("SMS_BACKEND_2", env_messages.MAILBOX_SMS)
    with pytest.raises(ImproperlyConfigured, match=r"^SMS_BACKEND_2 "):
        env_messages.second_backend(env, "SMS_BACKEND_2", debug=False)
    monkeypatch.setenv("SMS_BACKEND_2", env_messages.SMS_HTTP)
    assert env_messages.second_backend(env, "SMS_BACKEND_2", debug=False) == env_messages.SMS_HTTP


def test_names_of_providers(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    assert env_messages.provider(env, "SMS_PROVIDER", default="first") == "first"
    monkeypatch.setenv("SMS_PROVIDER", "sms-house-2")
    assert env_messages.provider(env, "SMS_PROVIDER", default="first") == "sms-house-2"
    with pytest.raises(ImproperlyConfigured, match=r"^SMS_PROVIDER .*differ"):
        env_messages.provider(env, "SMS_PROVIDER", default="first", other="sms-house-2")
    for wrong in ("SMS House", "-house", "a/b", "a" * 41, "haus\n"):
        monkeypatch.setenv("SMS_PROVIDER", wrong)
        with pytest.raises(ImproperlyConfigured, match=r"^SMS_PROVIDER ") as caught:
            env_messages.provider(env, "SMS_PROVIDER", default="first")
        assert wrong not in str(caught.value)


GOOD = {
    "DEBUG": "false",
    "SECRET_KEY": "a-key-for-tests-only-0123456789-abcdefghijklmnop",
    "PICKUP_CODE_SECRETS": "1:a-pickup-secret-for-tests-only-0123456789-abcdef",
    "ALLOWED_HOSTS": "lockers.example.com",
    "DATABASE_URL": "postgres://u@127.0.0.1/x",
    "REDIS_URL": "redis://127.0.0.1/0",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.com",
    "DEFAULT_FROM_EMAIL": "lockers@example.com",
    "SMS_BACKEND": env_messages.SMS_HTTP,
    "SMS_GATEWAY_URL": "https://sms.example.com/send",
    "SMS_GATEWAY_TOKEN": SECRET,
}


def start(script: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """Run `script` in a process of its own that has started with `GOOD` and `variables`; None removes one."""
    values = {
        **GOOD,
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "lockerportal.settings",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{script}"],
        env={name: value for name, value in values.items() if value is not None},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "missing",
    [None, "EMAIL_URL", "DEFAULT_FROM_EMAIL", "SMS_BACKEND", "SMS_GATEWAY_URL", "SMS_GATEWAY_TOKEN"],
)
def test_production_starts_with_all_that_is_needed_and_with_nothing_less(missing: str | None) -> None:
    script = "from django.conf import settings; print(settings.EMAIL_BACKEND, settings.EMAIL_PORT)"
    done = start(script, **({missing: None} if missing else {}))
    if missing is None:
        assert done.stdout == f"{env_messages.SMTP} 587\n", done.stderr
    else:
        assert done.returncode != 0
        assert f"{missing} is missing" in done.stderr
        assert SECRET not in done.stderr


@pytest.mark.parametrize(("value", "read"), [("", set()), ("EE", {"EE"}), (" ee, LV ,", {"EE", "LV"})])
def test_countries_of_sms(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, value: str, read: set[str]
) -> None:
    monkeypatch.setenv("SMS_COUNTRIES", value)
    assert env_messages.countries(env) == read


@pytest.mark.parametrize("value", ["XX", "372", "EE LV", "Estonia"])
def test_countries_that_do_not_exist_are_refused(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SMS_COUNTRIES", value)
    with pytest.raises(ImproperlyConfigured, match=r"^SMS_COUNTRIES "):
        env_messages.countries(env)


def test_prices_of_sms(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    assert env_messages.prices(env) == {"default": Decimal("0.10")}
    monkeypatch.setenv("SMS_PRICES", '{"default": 1, "EE": 0.045}')
    assert env_messages.prices(env) == {"default": Decimal(1), "EE": Decimal("0.045")}


@pytest.mark.parametrize(
    "value",
    [
        "0.1",
        "{",
        "[]",
        '{"EE": 0.1}',
        '{"default": "0.1"}',
        '{"default": true}',
        '{"default": null}',
        '{"default": 0}',
        '{"default": NaN}',
        '{"default": 0.1, "XX": 0.1}',
        '{"default": 0.1, "EE": -1}',
    ],
)
def test_prices_that_are_none_are_refused(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SMS_PRICES", value)
    with pytest.raises(ImproperlyConfigured, match=r"^SMS_PRICES "):
        env_messages.prices(env)
