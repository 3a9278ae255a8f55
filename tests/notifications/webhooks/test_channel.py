"""One request to an endpoint: signed, only to addresses that were checked, and within its deadline."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
import trustme
from pytest_django import Settings

from notifications.errors import DeliveryError
from notifications.messages import Message
from notifications.models import Notification
from notifications.webhooks import channel as webhook
from notifications.webhooks.channel import WebhookChannel, message_id
from tests.notifications.endpoint_sink import EndpointSink, endpoint_sink
from tests.notifications.providers import SilentServer, free_port

KEYS = [b"k" * 32, b"o" * 32]
BODY = json.dumps({"type": "package.stored", "data": {"name": "Põhja"}}).encode()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT", 0.5)


def row(pk: int = 7) -> Notification:
    return Notification(
        pk=pk, kind="package.stored", channel="webhook", created_at=datetime(2026, 11, 20, 12, tzinfo=UTC)
    )


def post(url: str, keys: list[bytes] | None = None) -> str:
    message = Message(to=url, language="en", context={"body": BODY, "keys": keys or KEYS[:1]})
    return WebhookChannel().send(row(), message)


def refusal(url: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        post(url)
    return caught.value


def secret(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


def test_what_arrives_is_what_the_published_library_verifies(sink: EndpointSink) -> None:
    assert post(sink.url("/hook?a=b")) == "HTTP 204"

    (taken,) = sink.taken
    assert taken.path == "/hook?a=b"
    verified = standardwebhooks.Webhook(secret(KEYS[0])).verify(taken.body, taken.headers)
    assert verified == json.loads(BODY)
    assert taken.body == BODY
    assert taken.headers["webhook-id"] == message_id(row()) == "msg_20261120120000_7"
    assert taken.headers["Content-Type"] == "application/json"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret(b"x" * 32)).verify(taken.body, taken.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret(KEYS[0])).verify(taken.body + b" ", taken.headers)


def test_while_a_secret_is_changed_both_sign(sink: EndpointSink) -> None:
    post(sink.url(), KEYS)
    (taken,) = sink.taken
    assert len(taken.headers["webhook-signature"].split(" ")) == 2
    for key in KEYS:
        standardwebhooks.Webhook(secret(key)).verify(taken.body, taken.headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_taken(sink: EndpointSink, status: int) -> None:
    sink.moods["/hook"] = [status]
    assert post(sink.url()) == f"HTTP {status}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(sink: EndpointSink, status: int) -> None:
    sink.moods["/hook"] = [(status, {"Location": sink.url("/elsewhere")})]
    error = refusal(sink.url())
    assert (str(error), error.permanent, error.gone) == (f"HTTP {status}", False, False)
    assert [taken.path for taken in sink.taken] == ["/hook"]


@pytest.mark.parametrize("status", [304, 400, 401, 403, 404, 405, 413, 422, 429, 500, 501, 503])
def test_every_other_answer_may_pass(sink: EndpointSink, status: int) -> None:
    sink.moods["/hook"] = [(status, {"Retry-After": "77"})]
    error = refusal(sink.url())
    assert (str(error), error.permanent, error.gone, error.retry_after) == (
        f"HTTP {status}",
        False,
        False,
        77,
    )


def test_410_is_for_good(sink: EndpointSink) -> None:
    sink.moods["/hook"] = [410]
    error = refusal(sink.url())
    assert (error.permanent, error.gone) == (True, True)


@pytest.mark.parametrize("mood", ["hang", "drip_head"])
def test_a_slow_answer_ends_at_the_deadline(sink: EndpointSink, mood: str) -> None:
    sink.moods["/hook"] = [mood]
    begun = time.monotonic()
    assert str(refusal(sink.url())) == "No answer within 0.5 s"
    assert time.monotonic() - begun < 5, "it hung for 30 s, or dripped for minutes"


def test_a_dripping_body_is_not_waited_for(sink: EndpointSink) -> None:
    sink.moods["/hook"] = ["drip_body"]
    assert post(sink.url()) == "HTTP 200"
    assert sink.cut.wait(10)


def test_a_huge_answer_is_not_read(sink: EndpointSink) -> None:
    sink.moods["/hook"] = ["huge"]
    assert post(sink.url()) == "HTTP 200"
    assert sink.cut.wait(10)
    assert sink.megabytes < 50


@pytest.mark.parametrize(("mood", "words"), [("drop", "RemoteDisconnected"), ("nonsense", "BadStatusLine")])
def test_what_is_no_answer(sink: EndpointSink, mood: str, words: str) -> None:
    sink.moods["/hook"] = [mood]
    error = refusal(sink.url())
    assert (str(error), error.permanent) == (words, False)


def test_nobody_listens() -> None:
    assert str(refusal(f"http://127.0.0.1:{free_port()}/")) == "ConnectionRefusedError"
    assert str(refusal("http://no-such-host.invalid/")) == "The host name could not be resolved"


def test_a_server_that_never_says_a_word_in_tls() -> None:
    with SilentServer() as server:
        assert str(refusal(f"https://127.0.0.1:{server.port}/")) == "No answer within 0.5 s"


def test_no_proxy_of_the_environment_is_used(sink: EndpointSink, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert post(sink.url()) == "HTTP 204"


# --- Only where it may lead ------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://169.254.169.254/", "https://[::1]/"])
def test_what_was_allowed_once_is_looked_at_again(sink: EndpointSink, settings: Settings, url: str) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    error = refusal(url)
    assert str(error).startswith("The URL must ")
    assert not error.permanent


class Resolver:
    """Resolve a name to another address each time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        if host != "hooks.example.com":
            # Addresses: `create_connection` asks what they mean.
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port))]


def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    monkeypatch.setattr(socket, "getaddrinfo", Resolver("127.0.0.1"))
    monkeypatch.setattr(socket, "create_connection", _nobody)
    assert str(refusal("https://hooks.example.com/")) == "The URL leads to a private or reserved address"


def _nobody(*arguments: Any, **more: Any) -> None:
    raise AssertionError("somebody was called")


def test_a_name_that_changes_its_meaning_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """DNS rebinding: public when it is checked, internal when it is called."""
    settings.WEBHOOK_ALLOW_PRIVATE = False
    resolver = Resolver("93.184.216.34", "127.0.0.1")
    called: list[Any] = []

    def create_connection(address: Any, *rest: Any, **more: Any) -> None:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(socket, "create_connection", create_connection)
    refusal("https://hooks.example.com/")
    assert called == [("93.184.216.34", 443)]
    assert resolver.asked == 1


# --- TLS -------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that the portal trusts."""
    ca = trustme.CA()

    def trusting() -> ssl.SSLContext:
        context = ssl.create_default_context()
        ca.configure_trust(context)
        return context

    monkeypatch.setattr(webhook, "_tls", trusting)
    return ca


@pytest.mark.parametrize(
    ("certificate", "taken"),
    [
        ("hooks.example.com", True),
        ("*.example.com", True),
        ("other.example.com", False),
        ("127.0.0.1", False),
    ],
)
def test_the_certificate_is_that_of_the_name_and_not_of_the_address(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, certificate: str, taken: bool
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver("127.0.0.1"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certificate).configure_cert(context)
    with endpoint_sink(context) as sink:
        if taken:
            assert post(sink.url(host="hooks.example.com")) == "HTTP 204"
            assert sink.taken[0].headers["Host"] == f"hooks.example.com:{sink.server_port}"
        else:
            error = refusal(sink.url(host="hooks.example.com"))
            assert str(error).startswith("The certificate is not valid: Hostname mismatch")
            assert sink.taken == []


def test_a_certificate_of_an_authority_that_nobody_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver("127.0.0.1"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("hooks.example.com").configure_cert(context)
    with endpoint_sink(context) as sink:
        error = refusal(sink.url(host="hooks.example.com"))
        assert str(error).startswith("The certificate is not valid: ")
        assert sink.taken == []


def test_it_leaves_no_thread_and_no_socket_behind(sink: EndpointSink) -> None:
    before = threading.active_count()
    for _ in range(20):
        post(sink.url())
    watching = [thread for thread in threading.enumerate() if thread.name == "watchdog"]
    for thread in watching:
        thread.join(10)
    assert len(watching) <= 20
    assert threading.active_count() <= before + 1
