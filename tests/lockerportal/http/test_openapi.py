"""The OpenAPI document is valid and complete, and every example matches its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from openapi_spec_validator import OpenAPIV31SpecValidator

from lockerportal.http.examples import MISSING
from lockerportal.http.openapi import IDEMPOTENT
from lockerportal.http.refusals import all_refusals
from tests.declared import document

CALLS = [
    (f"{method.upper()} {path.removeprefix('/api/v1')}", call)
    for path, calls in document()["paths"].items()
    for method, call in calls.items()
]
by_call = pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])


def test_it_is_valid_openapi() -> None:
    errors = list(OpenAPIV31SpecValidator(document()).iter_errors())
    assert errors == []


def test_it_is_served(client: Client) -> None:
    assert client.get("/api/v1/openapi.json").json() == document()


@by_call
def test_everything_has_an_example_and_each_is_valid(call: Any) -> None:
    for where, schema, example in _examples(call):
        assert MISSING not in json.dumps(example, ensure_ascii=False), (
            f"{where} has a field without example: give it Field(examples=[…]), or the whole schema one"
        )
        whole = {**schema, "components": document()["components"]}
        errors = list(jsonschema_rs.Draft202012Validator(whole).iter_errors(example))
        assert errors == [], where


@by_call
def test_every_call_has_texts_and_a_key(call: Any) -> None:
    assert call["summary"]
    assert call["description"]
    assert call["security"]
    tags = {tag["name"] for tag in document()["tags"]}
    assert set(call["tags"]) <= tags, "describe the tag in TAGS of lockerportal/http/openapi.py"


@by_call
def test_common_answers_are_declared(call: Any) -> None:
    refused = codes(call)
    assert {(400, "bad_request"), (401, "invalid_key"), (403, "missing_scope")} < refused
    assert (503, "database_unavailable") in refused
    if "requestBody" in call:
        assert {(422, "invalid_request"), (400, "invalid_json"), (415, "unsupported_media_type")} < refused
        assert {(411, "length_required"), (413, "body_too_large")} < refused
    keyed = any(parameter["name"] == "Idempotency-Key" for parameter in call["parameters"])
    assert keyed == ({(refusal.status, refusal.code) for refusal in IDEMPOTENT} <= refused)
    for status, answer in call["responses"].items():
        if status == "503" or status == "429":
            assert answer["headers"]["Retry-After"]
        if status == "401":
            assert answer["headers"]["WWW-Authenticate"]
        if int(status) < 300 and keyed:
            assert answer["headers"]["Idempotent-Replayed"]


def test_the_answers_of_a_drop_off() -> None:
    assert codes(dict(CALLS)["POST /lockers/assign"]) >= {
        (404, "unknown_location"),
        (409, "location_full"),
        (409, "location_suspended"),
        (409, "duplicate_tracking_number"),
        (422, "fits_no_compartment"),
    }
    full = dict(CALLS)["POST /lockers/assign"]["responses"]["409"]["content"]["application/problem+json"]
    facts = full["examples"]["location_full"]["value"]
    assert set(facts["alternatives"][0]) == {"location", "name", "distance_km", "available"}
    assert full["examples"]["duplicate_tracking_number"]["value"]["package_id"]


def test_the_answers_of_a_pickup() -> None:
    for call in ("POST /pickup", "POST /pickup/{code}"):
        assert codes(dict(CALLS)[call]) >= {
            (404, "unknown_code"),
            (409, "expired"),
            (403, "phone_check_required"),
            (429, "too_many_attempts"),
        }


def test_every_refusal_gives_advice() -> None:
    for refusal in all_refusals():
        assert len(refusal.advice()) > 20, f"{refusal.__name__}: a second paragraph says what to do about it"
        assert refusal.advice() != refusal.meaning(), refusal


def codes(call: Any) -> set[tuple[int, str]]:
    """Return the status and code of every refusal that the call declares."""
    return {
        (int(status), code)
        for status, answer in call["responses"].items()
        for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", ())
    }


def _examples(call: Any) -> Iterator[tuple[str, Any, Any]]:
    for parameter in call["parameters"]:
        yield f"parameter {parameter['name']}", parameter["schema"], parameter["example"]
    for content in call.get("requestBody", {}).get("content", {}).values():
        yield "request", content["schema"], content["example"]
    for status, answer in call["responses"].items():
        for content in answer.get("content", {}).values():
            if "example" in content:
                yield f"answer {status}", content["schema"], content["example"]
            else:
                assert content["examples"], status
            for code, example in content.get("examples", {}).items():
                yield f"answer {status} {code}", content["schema"], example["value"]
