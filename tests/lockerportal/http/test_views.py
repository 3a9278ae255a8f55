"""The home page, sign-in, and the error pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import formats

from lockerportal.http.middleware import DatabaseUnavailableMiddleware

PASSWORD = "correct horse battery"


@pytest.mark.django_db
def test_the_home_page_explains_the_portal(client: Client) -> None:
    text = client.get("/").content.decode()
    assert reverse("login") in text
    assert reverse("kiosk:pad") in text
    assert "/api/v1/docs" in text


@pytest.mark.django_db
@pytest.mark.parametrize(("staff", "to"), [(False, "/manage/"), (True, "/admin/")])
def test_sign_in_redirects_to_the_users_pages(client: Client, staff: bool, to: str) -> None:
    User.objects.create_user("mary", password=PASSWORD, is_staff=staff)
    client.post(reverse("login"), {"username": "mary", "password": PASSWORD})
    assert client.get("/")["Location"] == to


@pytest.mark.django_db
def test_a_wrong_password_is_rejected_and_not_shown(client: Client) -> None:
    User.objects.create_user("mary", password=PASSWORD)
    text = client.post(reverse("login"), {"username": "mary", "password": "wrong-secret"}).content.decode()
    assert "Please enter a correct username and password" in text
    assert "wrong-secret" not in text
    assert client.get("/manage/").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_sign_in_never_redirects_to_another_host(client: Client, target: str) -> None:
    User.objects.create_user("mary", password=PASSWORD)
    data = {"username": "mary", "password": PASSWORD, "next": target}
    assert client.post(reverse("login"), data)["Location"] == "/"


@pytest.mark.django_db
def test_the_admin_names_its_time_zone(admin_client: Client) -> None:
    text = admin_client.get("/admin/").content.decode()
    assert "Locker Portal · times in UTC" in text
    assert "Django administration" not in text
    assert "admin.css" in text
    assert (
        formats.date_format(datetime(2026, 11, 21, 0, 27, tzinfo=UTC), "DATETIME_FORMAT")
        == "21 Nov 2026, 00:27"
    )


@pytest.mark.django_db
def test_sign_out_needs_a_post(client: Client) -> None:
    client.force_login(User.objects.create_user("mary"))
    assert client.get(reverse("logout")).status_code == 405
    assert client.get("/manage/").status_code == 200
    client.post(reverse("logout"))
    assert client.get("/manage/").status_code == 302


def test_there_is_a_favicon(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].endswith("icon.svg")


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500", "503"])
def test_an_error_page_needs_no_database(name: str) -> None:
    """Without the django_db mark, a query would fail."""
    text = render_to_string(f"{name}.html", request=RequestFactory().get("/"))
    assert "<h1>" in text
    assert 'lang="en"' in text
    assert render_to_string(f"{name}.html") == text


def test_a_page_without_the_database_says_when_to_retry(rf: RequestFactory) -> None:
    middleware = DatabaseUnavailableMiddleware(lambda request: pytest.fail("not called"))
    response: Any = middleware.process_exception(rf.get("/"), OperationalError())
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "Temporarily unavailable" in response.content.decode()


def test_error_pages_need_no_collected_static_files(settings: Any, tmp_path: Path) -> None:
    """Before `collectstatic`, a missing page is still only a missing page."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    client = Client(raise_request_exception=False)
    page, call = client.get("/nowhere"), client.get("/api/v1/nowhere")
    assert (page.status_code, call.status_code) == (404, 404)
    assert b"Page not found" in page.content
    assert (call["Content-Type"], call.json()["code"]) == ("application/problem+json", "not_found")
    assert client.get("/admin/?x=%00").status_code == 400
    assert client.get("/api/v1/returns", headers={"Host": "evil.example.com"}).json()["code"] == "bad_request"


@pytest.mark.django_db
def test_a_nul_in_an_address_is_not_an_internal_error(admin_client: Client) -> None:
    admin_client.raise_request_exception = False
    for model in ("packages_app/package", "packages_app/apikey", "lockers/compartment", "auth/user"):
        for query in ("q=%00", "status__exact=%00", "created_at__gte=a%00", "e=1%00", "id__exact=%00"):
            assert admin_client.get(f"/admin/{model}/?{query}").status_code == 400
        assert admin_client.get(f"/admin/{model}/%00/change/").status_code == 400
    assert admin_client.get("/manage/?q=%00").status_code == 400
