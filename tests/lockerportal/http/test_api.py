"""The declared API, its documentation, and the page of all error codes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from lockerportal.http.refusals import all_refusals

# The calls that couriers and kiosks were promised first.
CALLS = {
    ("post", "/lockers/assign"),
    ("get", "/lockers/status"),
    ("post", "/packages/{package_id}/deposit"),
    ("post", "/packages/{package_id}/reassign"),
    ("post", "/packages/{package_id}/cancel"),
    ("post", "/packages/{package_id}/extend"),
    ("post", "/packages/{package_id}/return"),
    ("post", "/packages/{package_id}/resend-code"),
    ("get", "/packages/{package_id}"),
    ("get", "/packages/{package_id}/events"),
    ("get", "/returns"),
    ("post", "/pickup/{code}"),
    ("post", "/pickup"),
    ("get", "/locations"),
    ("get", "/locations/{code}"),
}
PACKAGE = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def declared() -> Any:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def calls(declared: Any) -> list[tuple[str, str, Any]]:
    return [
        (method, path.removeprefix("/api/v1"), operation)
        for path, methods in declared["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_call_of_the_contract_is_declared(declared: Any) -> None:
    assert {(method, path) for method, path, _ in calls(declared)} >= CALLS
    assert declared["openapi"].startswith("3.")


def test_every_call_has_a_description_a_key_and_a_name(declared: Any) -> None:
    names = [operation["operationId"] for _, _, operation in calls(declared)]
    assert len(names) == len(set(names))
    for method, path, operation in calls(declared):
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["security"], path
        takes_key = any(
            parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", [])
        )
        by_courier = "kiosks" not in operation["tags"]
        assert takes_key == (method != "get" and by_courier), path


def test_every_reference_resolves(declared: Any) -> None:
    for name in re.findall(r"#/components/schemas/(\w+)", str(declared)):
        assert name in declared["components"]["schemas"]


def test_every_call_needs_a_key(client: Client, declared: Any) -> None:
    """The check needs no database: this test has none."""
    for method, path, _ in calls(declared):
        url = "/api/v1" + path.replace("{package_id}", PACKAGE).replace("{code}", "TLL-1")
        answer = client.generic(method.upper(), url, b"{}", content_type="application/json")
        assert answer.status_code == 401, url
        assert answer["WWW-Authenticate"]


def test_the_documentation_loads_nothing_from_other_hosts(client: Client) -> None:
    answer = client.get("/api/v1/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert "cdn" not in page


@pytest.mark.django_db
def test_the_page_of_problems_lists_each_code_once(client: Client) -> None:
    page = client.get("/api/v1/docs/problems").content.decode()
    refusals = all_refusals()
    assert len(refusals) > 20
    for refusal in refusals:
        assert page.count(f'id="{refusal.code}"') == 1
    codes = [refusal.code for refusal in refusals]
    assert len(codes) == len(set(codes))
    assert "<code>Authorization: Bearer &lt;key&gt;</code>" in page
    assert "`" not in page


def test_every_refusal_has_a_title_a_status_and_a_code() -> None:
    for refusal in all_refusals():
        assert refusal.__doc__, refusal
        assert refusal.__doc__.splitlines()[0].endswith((".", "?")), refusal
        assert 400 <= refusal.status < 600
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", refusal.code)


def test_no_key_is_read_from_the_query(declared: Any) -> None:
    """`?api_key=` would end in every proxy's log."""
    schemes = declared["components"]["securitySchemes"].values()
    assert {(scheme["type"], scheme.get("scheme")) for scheme in schemes} == {("http", "bearer")}
