"""Known providers of delivery receipts, and messages that they have accepted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import Settings

from notifications.models import Notification, Status
from tests.notifications.conftest import NOW, Put
from tests.notifications.receipts.posting import SECRETS

Took = Callable[..., Notification]


@pytest.fixture(autouse=True)
def providers(settings: Settings) -> None:
    settings.RECEIPT_SECRETS = SECRETS


@pytest.fixture
def took(put: Put) -> Took:
    """`took("m-1")` makes a message that the provider `first` has accepted under that id."""

    def took(provider_id: str = "", *, provider: str = "first", **fields: object) -> Notification:
        values = {"status": Status.SENT, "sent_at": NOW, **fields}
        return put(provider=provider, provider_id=provider_id, **values)

    return took
