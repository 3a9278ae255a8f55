"""Webhooks from the event to the courier's server: verified by the published library, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from django.db import connection

from lockers.models import Location
from notifications.models import Notification
from notifications.tasks import deliver_webhooks
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.invariants import INVARIANTS, audit
from packages_app.models import Package
from tests.notifications.endpoint_sink import EndpointSink, Taken, endpoint_sink
from tests.world import (
    Api,
    code_of,
    courier_api,
    kiosk_api,
    make_courier,
    make_kiosk,
    make_location,
    parcel,
)

pytestmark = pytest.mark.django_db(transaction=True)


def register(api: Api, sink: EndpointSink, path: str = "/hook") -> Any:
    answer: Any = api.post("/webhooks", {"url": sink.url(path)})
    assert answer.status_code == 201, answer.content
    return answer.json()


def verified(taken: Taken, secret: str) -> Any:
    """What a receiver reads, once it has verified it."""
    return standardwebhooks.Webhook(secret).verify(taken.body, taken.headers)


def test_a_courier_follows_its_packages_by_webhooks_alone() -> None:
    location, courier = make_location(), make_courier()
    api, other = courier_api(courier), courier_api(make_courier("ups"))
    screen = kiosk_api(make_kiosk(location))
    with endpoint_sink() as sink:
        mine, theirs = register(api, sink, "/mine"), register(other, sink, "/theirs")
        collected = api.post("/lockers/assign", parcel(location)).json()
        reserved = api.post("/lockers/assign", parcel(location, deposited=False)).json()
        api.post(f"/packages/{reserved['id']}/deposit")
        api.post(f"/packages/{reserved['id']}/cancel")
        api.post(f"/packages/{reserved['id']}/return")
        row = Package.objects.get(pk=collected["id"])
        assert screen.post("/pickup", {"code": code_of(row)}).status_code == 200
        other.post("/lockers/assign", parcel(location))
        staff, now = Actor(name="staff:ann"), row.created_at
        places = Location.objects.all()
        operations.suspend_location(
            locations=places, location_id=location.pk, by=staff, now=now, reason="storm"
        )
        operations.resume_location(locations=places, location_id=location.pk, by=staff, now=now)

        deliver_webhooks()

        told = [verified(taken, mine["secret"]) for taken in sink.taken if taken.path == "/mine"]
        by_package: dict[Any, list[str]] = {}
        for one in told:
            by_package.setdefault(one["data"].get("id"), []).append(one["type"])
        assert by_package == {
            collected["id"]: ["package.stored", "package.retrieved"],
            reserved["id"]: ["package.stored", "package.cancelled", "package.returned"],
            None: ["location.suspended", "location.resumed"],
        }
        for taken in sink.taken:
            if taken.path == "/theirs":
                assert verified(taken, theirs["secret"])["data"].get("id") not in (
                    collected["id"],
                    reserved["id"],
                )
                with pytest.raises(standardwebhooks.WebhookVerificationError):
                    verified(taken, mine["secret"])
        stored = next(one for one in told if one["type"] == "package.stored")
        assert stored["data"]["status"] == "STORED"
        assert "pickup_code" not in json.dumps(told)


def test_rotation_without_losing_a_message() -> None:
    location, api = make_location(), courier_api(make_courier())
    with endpoint_sink() as sink:
        made = register(api, sink)
        new: Any = api.post(f"/webhooks/{made['id']}/rotate-secret").json()["secret"]
        api.post("/lockers/assign", parcel(location))
        deliver_webhooks()
        (taken,) = sink.taken
        assert verified(taken, new) == verified(taken, made["secret"])


def deliverer() -> subprocess.Popen[bytes]:
    """`manage.py deliver_notifications`, on the database of this test."""
    base, _, query = os.environ["DATABASE_URL"].partition("?")
    url = f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}?{query}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "deliver_notifications", "--every", "0.05"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_killed_between_sending_and_writing_down() -> None:
    """The server has taken it, the worker dies before it hears so: the same message comes again, in order."""
    location, courier = make_location(), make_courier()
    api = courier_api(courier)
    with endpoint_sink() as sink:
        made = register(api, sink)
        package = api.post("/lockers/assign", parcel(location)).json()
        api.post(f"/packages/{package['id']}/cancel")
        taken, dead = threading.Event(), threading.Event()

        def take() -> int:
            taken.set()
            dead.wait(30)
            return 204

        sink.moods["/hook"] = [take, 204]
        process = deliverer()
        try:
            assert taken.wait(60), "it never came"
            process.send_signal(signal.SIGKILL)
            process.wait()
        finally:
            process.kill()
            dead.set()
        first = Notification.objects.filter(channel="webhook").earliest("id")
        assert (first.status, first.attempts) == ("sending", 1)

        deliver_webhooks()
        assert len(sink.taken) == 1, "its lease still runs, and the second waits for the first"
        Notification.objects.filter(pk=first.pk).update(leased_until="2020-01-01T00:00Z")
        deliver_webhooks()

        before, again, second = sink.taken
        assert before.headers["webhook-id"] == again.headers["webhook-id"]
        assert before.body == again.body
        assert [verified(one, made["secret"])["type"] for one in (before, again, second)] == [
            "package.stored",
            "package.stored",
            "package.cancelled",
        ]
        broken = [one.invariant.id for one in map(audit.check, INVARIANTS) if one.violations]
        assert broken == []
