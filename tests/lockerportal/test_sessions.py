"""Session cookies that the portal did not create."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db

INVALID = [
    '"' + r"\000" * 8 + '"',
    '"' + r"\000" * 32 + '"',
    "x" * 5000,
    "A" * 32,
    "é" * 32,
    "a" * 7,
    "' OR 1=1 --",
]


@pytest.mark.parametrize("key", INVALID)
@pytest.mark.parametrize("path", ["/", "/kiosk/", "/manage/", "/accounts/login/"])
def test_an_invalid_key_is_not_a_session(path: str, key: str) -> None:
    answer = Client().get(path, headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"})
    assert answer.status_code == (200 if path in ("/", "/accounts/login/") else 302)


def test_a_real_session_is_kept(client: Client) -> None:
    client.force_login(User.objects.create_user("kaja"))
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    answer = Client().get("/manage/", headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"})
    assert answer.status_code == 200
