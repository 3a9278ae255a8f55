"""Calls that schemathesis generates from the OpenAPI document, judged by all its checks.

SCHEMATHESIS_EXAMPLES says how many are made up at random for each call of the API, besides those that try
every limit of the document in turn: with 12 they are over 2,000 together. The seed is fixed: what fails once
fails again.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lockerportal.wsgi import application
from packages_app.life.lifecycle import Status
from packages_app.models import Package
from tests.access.asking import undone
from tests.access.world import World, make_world
from tests.world import code_of, make_webhook

pytestmark = [pytest.mark.generated, pytest.mark.django_db]

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "12"))

config = SchemathesisConfig(seed=20261120)
# No words out of the portal's own code: the same calls whatever a string there is changed to.
config.projects.default.analysis.constants.enabled = False
schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, config=config)


STATUSES = itertools.cycle(
    [Status.STORED, Status.PENDING, Status.EXPIRED, Status.RETRIEVED, Status.CANCELLED]
)
# What the document only names.
schemathesis.openapi.format("e164", st.integers(5_000_000, 5_999_999).map("+372{}".format))
schemathesis.openapi.format(
    "https-url", st.from_regex(r"https://[a-z]{1,9}\.example\.com(:8443)?/[a-z0-9/]{0,40}", fullmatch=True)
)


@pytest.fixture
def world() -> Iterator[World]:
    """Keep the end of a request from closing the test's transaction."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield make_world()
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_made_up_calls(case: Any, world: World) -> None:
    """Set up the same data for each call, except for the status of the package."""
    headers = _key(case, world)
    with undone():
        package = world.package(next(STATUSES))
        package.events.create(event="deposited", from_status="PENDING", to_status="STORED", by="courier:dpd")
        if case.meta.generation.mode.is_positive:
            _mend(case, world, package)
        answer = case.call(headers=headers)
        case.validate_response(answer, headers=headers, excluded_checks=_unpredictable(answer))


def _key(case: Any, world: World) -> dict[str, str]:
    key = world.keys["kiosk_1" if "kiosks" in case.operation.tags else "A"]
    return {"Authorization": f"Bearer {key}"}


def _unpredictable(answer: Any) -> list[Any]:
    """Return the checks to skip for refusals that no schema can predict."""
    codes = (b"fits_no_compartment", b"idempotency_key_reused")
    return [positive_data_acceptance] if any(code in answer.content for code in codes) else []


def _mend(case: Any, world: World, package: Package) -> None:
    """Fix what the document cannot say about a valid call: ids that exist, no cursor, a radius with near."""
    path, query = case.path_parameters or {}, case.query or {}
    known = {
        "package_id": str(package.pk),
        "compartment_id": package.compartment_id,
        "webhook_id": str(make_webhook(world.a).pk),
        "code": code_of(package) if "pickup" in case.path else world.here.code,
    }
    path.update({name: known[name] for name in path if name in known})
    query.pop("cursor", None)
    if "radius_km" in query:
        query.setdefault("near", "59.437,24.753")
    _mend_body(case.body, world)


def _mend_body(body: Any, world: World) -> None:
    """Replace values in formats that only the portal knows; schemathesis may generate any text for them."""
    if not isinstance(body, dict):
        return
    if "location" in body:
        body["location"] = world.here.code
    if body.get("url"):
        body["url"] = "https://hooks.example.com/lockers"
    for person in (body, body.get("recipient")):
        if isinstance(person, dict) and person.get("phone"):
            person["phone"] = "+3725551234"


def test_made_up_stories(world: World) -> None:
    """Make calls one after the other, with ids from the responses to earlier ones."""

    class Stories(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.before = transaction.savepoint()

        def teardown(self) -> None:
            transaction.savepoint_rollback(self.before)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": _key(case, world)}

        def before_call(self, case: Any) -> None:
            if case.meta is None or case.meta.generation.mode.is_positive:
                (case.query or {}).pop("cursor", None)
                if "radius_km" in (case.query or {}):
                    case.query.setdefault("near", "59.437,24.753")
                _mend_body(case.body, world)

        def validate_response(self, response: Any, case: Any, **sent: Any) -> None:
            case.validate_response(
                response,
                headers=sent["headers"],
                transport_kwargs=sent,
                recorder=self.recorder,
                excluded_checks=_unpredictable(response),
            )

    Stories.run(
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
    )
