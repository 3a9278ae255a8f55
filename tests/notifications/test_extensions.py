"""Extension points: a provider from outside needs a class in its own package and settings, nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.notifications.conftest import serving
from tests.notifications.providers import SmtpServer
from tests.notifications.test_settings import SECRET, start

SMS_PROVIDER = '''
import json
import urllib.request

from notifications.errors import DeliveryError
from notifications.sms import http
from notifications.sms.base import BaseSmsBackend


class Backend(BaseSmsBackend):
    """A provider that takes JSON, with its own header for the token."""

    def send(self, to, text, *, reference=""):
        request = urllib.request.Request(
            self.provider.url,
            json.dumps(
                {"number": to, "content": text, "ref": reference, "from": self.provider.sender}
            ).encode(),
            {"X-Api-Key": self.provider.token},
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)["id"]
        except OSError as error:
            raise DeliveryError(str(error))


class Json(http.SmsBackend):
    """The same on a kept-alive connection, with deadlines and errors as for any gateway."""

    def build_request(self, to, text, reference):
        message = {"number": to, "content": text, "ref": reference, "from": self.provider.sender}
        return json.dumps(message), {"X-Api-Key": self.provider.token}


class WithoutGateway(BaseSmsBackend):
    needs = frozenset()

    def send(self, to, text, *, reference=""):
        return f"{self.provider.url!r} {self.provider.token!r}"


class NoBackend:
    pass
'''
EMAIL_BACKENDS = '''
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend


class Printing(BaseEmailBackend):
    """A provider with its own API, which needs no EMAIL_URL."""

    def send_messages(self, messages):
        for message in messages:
            print(message.to, message.subject)
        return len(messages)


class Smtp(DjangoBackend):
    """SMTP, with something added; it reads EMAIL_URL as Django's own backend does."""
'''
SEND_SMS = """
from notifications import sms
backend = sms.get_backend({name!r})
print(backend.send("+3725551234", "Kood 4821", reference="stored-7"))
"""
SEND_EMAIL = """
from django.utils import timezone
from notifications.email.channel import EmailChannel
from notifications.messages import Message
from notifications.models import Notification
channel = EmailChannel()
row = Notification(pk=7, kind="return_list", created_at=timezone.now())
context = {"location_name": "Harbor", "packages": [], "total": 0}
channel.send(row, Message("mari@example.com", "en", context=context))
channel.close()
print(channel.provider)
"""


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a process that can import a foreign package called `acme`."""
    package = tmp_path / "acme"
    package.mkdir()
    (package / "sms.py").write_text(SMS_PROVIDER)
    (package / "mail.py").write_text(EMAIL_BACKENDS)
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("suffix", ["", "_2"])
@pytest.mark.parametrize("backend", ["Backend", "Json"])
def test_an_sms_provider_gets_its_url_and_token(outside: dict[str, str], backend: str, suffix: str) -> None:
    with serving() as server:
        done = start(
            SEND_SMS.format(name="acme"),
            **outside,
            **{
                f"SMS_BACKEND{suffix}": f"acme.sms.{backend}",
                f"SMS_PROVIDER{suffix}": "acme",
                f"SMS_GATEWAY_URL{suffix}": f"http://127.0.0.1:{server.server_port}/v2/messages",
                f"SMS_GATEWAY_TOKEN{suffix}": "token-of-acme",
                f"SMS_SENDER{suffix}": "Parcels",
            },
        )
    assert done.stdout == "sms-1\n", done.stderr
    [(path, headers)] = server.requests
    assert (path, headers["X-Api-Key"]) == ("/v2/messages", "token-of-acme")
    assert json.loads(server.bodies[0]) == {
        "number": "+3725551234",
        "content": "Kood 4821",
        "ref": "stored-7",
        "from": "Parcels",
    }


@pytest.mark.parametrize("suffix", ["", "_2"])
@pytest.mark.parametrize("missing", ["SMS_GATEWAY_URL", "SMS_GATEWAY_TOKEN"])
def test_production_does_not_start_without_what_the_provider_needs(
    outside: dict[str, str], suffix: str, missing: str
) -> None:
    values = {
        f"SMS_BACKEND{suffix}": "acme.sms.Backend",
        f"SMS_GATEWAY_URL{suffix}": "https://sms.example.com",
        f"SMS_GATEWAY_TOKEN{suffix}": SECRET,
    }
    done = start("print('started')", **outside, **{**values, f"{missing}{suffix}": None})
    assert done.returncode != 0
    assert f"{missing}{suffix} is missing" in done.stderr
    assert SECRET not in done.stderr


def test_a_provider_that_needs_no_gateway_starts_without_and_gets_none(outside: dict[str, str]) -> None:
    backend = {**outside, "SMS_BACKEND": "acme.sms.WithoutGateway", "SMS_GATEWAY_TOKEN": None}
    assert start(SEND_SMS.format(name=""), **backend, SMS_GATEWAY_URL=None).stdout == "'' ''\n"
    assert start(SEND_SMS.format(name=""), **backend).stdout == "'' ''\n"


@pytest.mark.parametrize("path", ["acme.sms.NoBackend", "acme.sms.Missing", "acme.missing.Backend"])
def test_production_does_not_start_with_a_path_that_leads_to_no_backend(
    outside: dict[str, str], path: str
) -> None:
    done = start("print('started')", **outside, SMS_BACKEND=path)
    assert done.returncode != 0
    assert "ImproperlyConfigured: SMS_BACKEND " in done.stderr


def test_an_email_backend_with_its_own_api(outside: dict[str, str]) -> None:
    done = start(SEND_EMAIL, **outside, EMAIL_BACKEND="acme.mail.Printing", EMAIL_URL=None)
    address, _, provider = done.stdout.strip().partition("\n")
    assert address.startswith("['mari@example.com'] "), done.stderr
    assert provider == "mail"


def test_an_email_backend_derived_from_djangos_reads_email_url(outside: dict[str, str]) -> None:
    with SmtpServer() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        done = start(SEND_EMAIL, **outside, EMAIL_BACKEND="acme.mail.Smtp", EMAIL_URL=url)
    assert done.stdout == "mail\n", done.stderr
    assert [envelope.rcpt_tos for envelope in server.taken] == [["mari@example.com"]]
