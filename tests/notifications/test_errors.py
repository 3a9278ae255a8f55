"""Reasons that may appear in a table and in a log."""

from __future__ import annotations

import pytest

from notifications.errors import DeliveryError, public_reason


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("550: 5.1.1 <mari@example.com>: unknown\n user", "550: 5.1.1 <…>: unknown user"),
        ("bad number +372 555-0000", "bad number …"),
        ("cannot send 'Code 4821 7730, door 7'", "cannot send 'Code …, door 7'"),
        ("code 48217730", "code …"),
        ("HTTP 503", "HTTP 503"),
        ("\x1f\x8b\x00 gzip \ud800", "?? gzip ?"),
        ("x" * 300, "x" * 200),
    ],
)
def test_addresses_numbers_and_codes_are_masked(text: str, shown: str) -> None:
    assert public_reason(text) == shown


def test_a_permanent_failure_is_by_default_not_the_channels() -> None:
    assert DeliveryError("x").channel_failed
    assert not DeliveryError("x", permanent=True).channel_failed
    assert not DeliveryError("x", channel_failed=False).channel_failed
