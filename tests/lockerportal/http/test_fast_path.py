"""Requests with a key take the fast path, with the same answers and the same safety."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from tests.world import Api, courier_api, make_courier, make_location

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    make_location("TLL-1")
    return courier_api(make_courier())


def test_the_answer_has_no_cookie_and_a_content_length(api: Api) -> None:
    answer = api.get("/lockers/status", location="TLL-1")
    assert answer.status_code == 200
    assert not answer.cookies
    assert answer["Content-Length"] == str(len(answer.content))


def test_an_answer_cannot_be_framed_sniffed_or_cached(api: Api) -> None:
    answer = api.get("/lockers/status", location="TLL-1")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer["Cache-Control"] == "no-store"


def test_a_wrong_key_is_rejected(api: Api) -> None:
    answer = Client().get("/api/v1/lockers/status", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_a_foreign_host_is_rejected(api: Api) -> None:
    answer = api.client.get(
        "/api/v1/lockers/status", headers={"Authorization": f"Bearer {api.key}", "Host": "evil.example.com"}
    )
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("path", ["/lockers/assign", "/pickup/48217730", "/nowhere"])
def test_a_chunked_body_is_rejected_rather_than_lost(api: Api, path: str) -> None:
    answer = api.client.post(
        f"/api/v1{path}",
        headers={"Authorization": f"Bearer {api.key}", "Transfer-Encoding": "chunked"},
        CONTENT_LENGTH="",
    )
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")
    assert "48217730" not in answer.content.decode()


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/lockers/assign", 405)])
def test_a_missing_path_or_method_is_a_problem_document(api: Api, path: str, status: int) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_the_documentation_is_a_page_even_with_a_key(api: Api) -> None:
    answer = api.client.get("/api/v1/docs", headers={"Authorization": f"Bearer {api.key}"})
    assert answer.status_code == 200
    assert "script-src" in answer["Content-Security-Policy"]


def test_the_language_of_an_earlier_page_does_not_matter(api: Api) -> None:
    with translation.override("de"):
        api.get("/lockers/status", location="TLL-1")
        assert translation.get_language() == "en"


def test_a_session_cookie_has_no_effect(
    api: Api, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.cookies["sessionid"] = "whatever"
    with django_assert_num_queries(0):  # it is not even looked up
        answer = client.get("/api/v1/nowhere", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 404
