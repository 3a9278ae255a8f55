"""Under /api/ every error is a problem document; a page without its database says when to retry."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from lockerportal.http.middleware import ApiProblemMiddleware, DatabaseUnavailableMiddleware
from tests.world import courier_api, make_courier, make_location, parcel


def through(response: HttpResponse, path: str = "/api/v1/x") -> HttpResponse:
    """Return `response` as it leaves the middleware."""

    def view(request: HttpRequest) -> HttpResponse:
        return response

    return ApiProblemMiddleware(view)(RequestFactory().get(path))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad_request"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (413, "body_too_large"),
        (418, "bad_request"),
        (500, "internal_error"),
        (502, "internal_error"),
    ],
)
def test_an_error_page_becomes_a_problem(status: int, code: str) -> None:
    answer = through(HttpResponse("<h1>no</h1>", status=status))
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert f'"code": "{code}"'.encode() in answer.content
    assert b"<h1>" not in answer.content


def test_the_allow_header_is_kept() -> None:
    assert through(HttpResponseNotAllowed(["GET", "POST"]))["Allow"] == "GET, POST"


def test_other_answers_pass_unchanged() -> None:
    for answer in (JsonResponse({"a": 1}), HttpResponse(status=204), HttpResponse("page")):
        assert through(answer) is answer
    problem = HttpResponse("{}", status=409, content_type="application/problem+json")
    assert through(problem) is problem


def test_pages_keep_their_error_pages() -> None:
    page = HttpResponse("<h1>no</h1>", status=404)
    assert through(page, "/manage/") is page


def test_developers_keep_their_traceback(settings: Settings) -> None:
    settings.DEBUG = True
    page = HttpResponse("<h1>ZeroDivisionError</h1>", status=500)
    assert through(page) is page


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_a_page_without_the_database_answers_503(error: Exception) -> None:
    middleware = DatabaseUnavailableMiddleware(lambda request: HttpResponse())
    answer = middleware.process_exception(RequestFactory().get("/manage/"), error)
    assert answer is not None
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


def test_other_exceptions_are_not_answered() -> None:
    middleware = DatabaseUnavailableMiddleware(lambda request: HttpResponse())
    assert middleware.process_exception(RequestFactory().get("/manage/"), ZeroDivisionError()) is None


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_the_api_without_the_database_answers_503(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    location, api = make_location(), courier_api(make_courier())

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("packages_app.sql.drop_off_and_pickup.assign", fail)
    answer = api.post("/lockers/assign", parcel(location), key="k-1")
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "database_unavailable"
    assert answer["Retry-After"] == str(answer.json()["retry_after"])
    monkeypatch.undo()
    assert api.post("/lockers/assign", parcel(location), key="k-1").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_a_key_that_cannot_be_looked_up_is_not_called_invalid(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = courier_api(make_courier())

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("packages_app.keys.checking.fetch", fail)
    answer = api.get("/returns")
    assert answer.status_code == 503
    assert "WWW-Authenticate" not in answer
    assert answer["Retry-After"]


def test_an_unknown_address_needs_no_database(client: Client) -> None:
    answer = client.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert client.get("/api/v2/returns").json()["code"] == "not_found"
