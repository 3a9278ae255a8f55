"""The manager's pages: packages and their forms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lockers.models import Location
from notifications.models import Notification
from packages_app.models import Package
from tests.packages_app.pages.place import Place, assert_no_code, messages_of, snapshot
from tests.world import code_of, make_package

pytestmark = pytest.mark.django_db

Status = Package.Status


def test_package_page_shows_history_and_messages_but_no_words_of_them(manager: Client, mine: Place) -> None:
    manager.post(*mine.actions()["resend_code"])
    text = manager.get(mine.pages()["package"]).content.decode()
    assert "New pickup code" in text
    assert "manager:mary" in text
    assert "New pickup code (with code)" in text
    assert "Email, pending" in text
    assert "mari@example.com" not in text
    assert_no_code(text, mine.stored)


def test_times_are_the_locations_own(manager: Client, mine: Place) -> None:
    text = manager.get(mine.pages()["package"]).content.decode()
    local = mine.stored.expires_at.astimezone(mine.location.zone)  # type: ignore[union-attr]
    assert f"{local:%H:%M} {local.tzname()}" in text
    assert "Europe/Tallinn" in text


def test_new_code_sent_twice_is_one_new_code(manager: Client, mine: Place) -> None:
    old = code_of(mine.stored)
    url, data = mine.actions()["resend_code"]
    assert "new pickup code is on its way" in messages_of(manager.post(url, data, follow=True))
    assert "has changed since" in messages_of(manager.post(url, data, follow=True))
    mine.stored.refresh_from_db()
    assert mine.stored.code_version == 2
    assert code_of(mine.stored) != old
    assert Notification.objects.filter(kind="code_renewed").count() == 2  # one e-mail, one SMS


def test_extension_sent_twice_extends_once(manager: Client, mine: Place) -> None:
    before = mine.stored.expires_at
    assert before is not None
    url, data = mine.actions()["extend"]
    assert "The hold is extended" in messages_of(manager.post(url, data, follow=True))
    assert "has changed since" in messages_of(manager.post(url, data, follow=True))
    mine.stored.refresh_from_db()
    assert mine.stored.expires_at == before + timedelta(hours=24)


@pytest.mark.parametrize(
    "change",
    [
        {"hours": "25"},
        {"hours": ""},
        {"hours": "9" * 5000},
        {"seen": ""},
        {"seen": "yesterday"},
        {"seen": "0001-01-01T00:00:00+14:00"},
        {"seen": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_extension_with_nonsense_is_refused(change: dict[str, str], manager: Client, mine: Place) -> None:
    before = snapshot()
    url, data = mine.actions()["extend"]
    response = manager.post(url, {**data, **change}, follow=True)
    assert "Nothing was changed" in messages_of(response)
    assert snapshot() == before


def test_extension_past_the_limit_is_refused_in_words(manager: Client, mine: Place) -> None:
    Location.objects.update(max_hold_days=3)
    url, data = mine.actions()["extend"]
    response = manager.post(url, {**data, "hours": 168}, follow=True)
    assert "3 days at the most" in messages_of(response)


def test_action_that_the_status_forbids_is_refused_in_words(manager: Client, mine: Place) -> None:
    seen = mine.expired.updated_at.isoformat()
    before = snapshot()
    response = manager.post(
        reverse("manage:resend_code", args=[mine.expired.pk]), {"seen": seen}, follow=True
    )
    assert "Nothing was changed" in messages_of(response)
    assert snapshot() == before
    page = manager.get(reverse("manage:package", args=[mine.expired.pk])).content.decode()
    assert "Send new code" not in page
    assert "Mark as taken out" in page


@pytest.mark.parametrize(
    ("tracking_number", "q", "found"),
    [
        ("50%OFF", "%", True),
        ("50xOFF", "%", False),
        ("A_B", "a_b", True),
        ("AxB", "A_B", False),
        (r"C\D", "\\", True),
        ("CxD", "\\", False),
        ("O'Hara", "'", True),
    ],
)
def test_search_is_literal(tracking_number: str, q: str, found: bool, manager: Client, mine: Place) -> None:
    Package.objects.filter(pk=mine.stored.pk).update(tracking_number=tracking_number)
    page = manager.get(mine.pages()["packages"], {"q": q}).context["page"]
    assert (mine.stored in page.object_list) is found


def test_packages_are_filtered_by_status(manager: Client, mine: Place) -> None:
    page = manager.get(mine.pages()["packages"], {"status": "EXPIRED"}).context["page"]
    assert list(page.object_list) == [mine.expired]


@pytest.mark.parametrize("query", [{"status": "NONE"}, {"q": "x" * 41}])
def test_nonsense_filter_finds_nothing_and_says_so(query: Any, manager: Client, mine: Place) -> None:
    response = manager.get(mine.pages()["packages"], query)
    assert response.status_code == 200
    assert not list(response.context["page"].object_list)
    assert 'class="error"' in response.content.decode()


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "9" * 5000, "1e400"])
def test_nonsense_page_number_is_forgiven(page: str, manager: Client, mine: Place) -> None:
    assert manager.get(mine.pages()["packages"], {"page": page}).status_code == 200


def test_long_list_comes_in_pages(manager: Client, mine: Place) -> None:
    courier = mine.stored.courier
    for _ in range(55):
        make_package(courier, mine.free, Status.RETURNED)
    first = manager.get(mine.pages()["packages"], {"status": "RETURNED"})
    assert len(first.context["page"].object_list) == 50
    assert "?status=RETURNED&amp;page=2" in first.content.decode()
    second = manager.get(mine.pages()["packages"], {"status": "RETURNED", "page": "2"})
    assert len(second.context["page"].object_list) == 5


def test_markup_in_names_and_notes_is_text(manager: Client, mine: Place) -> None:
    bad = "<script>alert(1)</script>"
    Location.objects.filter(pk=mine.location.pk).update(name=bad, address=bad)
    type(mine.stored.courier).objects.update(name=bad)
    Package.objects.filter(pk=mine.stored.pk).update(tracking_number=bad[:40])
    manager.post(mine.actions()["take_out"][0], {"reason": bad})
    for url in [reverse("manage:locations"), *mine.pages().values()]:
        text = manager.get(url).content.decode()
        assert "&lt;script&gt;" in text
        assert "<script>alert" not in text
