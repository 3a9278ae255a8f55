"""No line of the log contains a key or a pickup code, whatever wrote it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from lockerportal.logs import RedactSecrets
from tests.world import make_courier, make_key, make_kiosk, make_location

KEY = "plk_live_a1B2c3D4_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_0Zz9aA"
ID = "0b4f1a52-6f0e-4d43-8a51-0c9f3f5d7e21"


@pytest.fixture
def stderr() -> Iterator[io.StringIO]:
    """The output of the configured handler."""
    handler = next(
        handler
        for handler in logging.getLogger().handlers
        if any(isinstance(log_filter, RedactSecrets) for log_filter in handler.filters)
    )
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"key {KEY} refused", "key [redacted] refused"),
        (f"Authorization: Bearer {KEY}", "Authorization: Bearer [redacted]"),
        (f"/returns?api_key={KEY}&limit=1", "/returns?api_key=[redacted]&limit=1"),
        ("secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw/+A=, again", "secret=[redacted], again"),
        ("Not Found: /api/v1/pickup/48217730", "Not Found: /api/v1/pickup/[redacted]"),
        ("/api/v1/pickup/4821 7730", "/api/v1/pickup/[redacted]"),
        ("/api/v1/pickup/4821%207730?x=1", "/api/v1/pickup/[redacted]?x=1"),
        ("/api/v1/pickup/4821%C2%A07730", "/api/v1/pickup/[redacted]"),
        ("/api/v1/pickup/4821+7730", "/api/v1/pickup/[redacted]"),
        ("/api/v1/pickup/4821.7730x", "/api/v1/pickup/[redacted]"),
        ("/api/v1/pickup/4821\u00a07730", "/api/v1/pickup/[redacted]"),
        (f"/api/v1/pickup/{ID}/door-failed", f"/api/v1/pickup/{ID}/door-failed"),
        ("POST /api/v1/pickup", "POST /api/v1/pickup"),
        ("expired: 12345678", "expired: 12345678"),
    ],
)
def test_secrets_in_a_line_are_redacted(line: str, shown: str, stderr: io.StringIO) -> None:
    for logger in ("django.request", "packages_app.keys.auth", "celery.worker", "anything"):
        logging.getLogger(logger).error(line)
        logging.getLogger(logger).error("%s", line)
    written = stderr.getvalue()
    assert written.count(shown) == 8
    assert "%s" not in written


def test_secrets_in_a_traceback_are_redacted(stderr: io.StringIO) -> None:
    try:
        raise ValueError(f"no such thing: {KEY} at /pickup/48217730")
    except ValueError:
        logging.getLogger("x").exception("failed")
    written = stderr.getvalue()
    assert "Traceback" in written
    assert "48217730" not in written
    assert KEY not in written


def test_a_malformed_log_call_is_not_an_error(stderr: io.StringIO) -> None:
    logging.getLogger("x").error("50% of %d", 7)
    logging.getLogger("x").error("%d of them", f"/pickup/{ID} {KEY}")
    assert "50% of %d (7,)" in stderr.getvalue()
    assert KEY not in stderr.getvalue()


@pytest.mark.django_db
def test_an_internal_error_at_a_pickup_shows_neither_code_nor_key(
    stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = make_key(kiosk=make_kiosk(make_location()))

    def fail(**_: object) -> None:
        raise ZeroDivisionError(f"while {key} typed")

    monkeypatch.setattr("packages_app.operations.pick_up", fail)
    client = Client(raise_request_exception=False)
    answer = client.post(
        "/api/v1/pickup/48217730",
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error"
    assert "48217730" not in answer.content.decode()
    written = stderr.getvalue()
    assert "ZeroDivisionError" in written
    assert "48217730" not in written
    assert key not in written


@pytest.mark.django_db
def test_a_rejected_key_is_logged_by_its_public_part(stderr: io.StringIO) -> None:
    row, key = make_key(courier=make_courier())
    type(row).objects.update(expires_at="2001-01-01T00:00:00Z")
    Client().get("/api/v1/returns", headers={"Authorization": f"Bearer {key}"})
    written = stderr.getvalue()
    assert f"API key refused: expired {row.key_id}" in written
    assert key not in written


def test_no_logger_bypasses_the_filter() -> None:
    """Django's own handlers would print and mail each line unfiltered."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "django"]
    assert {"django", "django.server"} <= set(names)
    assert {name: logging.getLogger(name).handlers for name in names} == {name: [] for name in names}
