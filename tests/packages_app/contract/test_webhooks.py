"""The calls about webhooks and the deliveries to them."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from pytest_django import Settings

from lockers.models import Location
from notifications.models import Destination, Notification, Status
from notifications.webhooks import destinations
from notifications.webhooks.delivery import deliver_webhooks
from packages_app.api.schemas import webhooks
from packages_app.models import Courier, EventType, IdempotencyKey, Webhook
from packages_app.operations.webhooks.create_webhook import MOST
from packages_app.secrets import webhook_secrets
from tests.notifications.endpoint_sink import endpoint_sink
from tests.packages_app.contract.answers import refused
from tests.world import NOW, Api, courier_api, make_courier, make_key, make_webhook, parcel

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.com/lockers"


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False


def create(api: Api, url: str = URL, *, key: str | None = None, **more: Any) -> Any:
    answer: Any = api.post("/webhooks", {"url": url, **more}, key=key)
    assert answer.status_code == 201, answer.content
    return answer.json()


def sent(api: Api, webhook: Any) -> Any:
    """Return the deliveries to the webhook."""
    answer: Any = api.get(f"/webhooks/{webhook['id']}/deliveries")
    assert answer.status_code == 200
    webhooks.DeliveryPage.model_validate(answer.json())
    return answer.json()["items"]


# --- Making ----------------------------------------------------------------------------------------------


def test_the_answer_shows_the_secret_and_nothing_else_does(api: Api) -> None:
    made = create(api, events=["package.stored", "package.stored"], description="  warehouse ")
    webhook = Webhook.objects.get()
    assert made == {
        "id": str(webhook.pk),
        "url": URL,
        "events": ["package.stored"],
        "description": "warehouse",
        "created_at": "2026-11-20T12:00:00Z",
        "failing_since": None,
        "last_error": None,
        "disabled_at": None,
        "disabled_reason": None,
        "old_secret_until": None,
        "secret": webhook_secrets.shown(webhook.pk, 1, 1),
    }
    del made["secret"]
    assert api.get(f"/webhooks/{webhook.pk}").json() == made
    assert api.get("/webhooks").json() == {"items": [made], "next_cursor": None}


def test_without_events_it_is_told_of_all(api: Api) -> None:
    assert create(api)["events"] == list(EventType.values)
    schema = webhooks.WebhookIn.model_json_schema()
    assert schema["properties"]["events"]["anyOf"][0]["items"]["enum"] == list(EventType.values)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": 1}, "url"),
        ({"url": ""}, "url"),
        ({"url": "hooks.example.com"}, "url"),
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://user:hunter2@hooks.example.com/"}, "url"),
        ({"url": "https://hooks.example.com:5432/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://hooks.example.com/\u0000"}, "url"),
        ({"url": "https://hooks.example.com/" + "x" * 2000}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": "package.stored"}, "events"),
        ({"url": URL, "events": ["package.exploded"]}, "events.0"),
        ({"url": URL, "events": [None]}, "events.0"),
        ({"url": URL, "events": ["package.stored"] * 51}, "events"),
        ({"url": URL, "description": "x" * 201}, "description"),
        ({"url": URL, "description": "a\u0007b"}, "description"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_refused(api: Api, body: Any, field: str) -> None:
    answer: Any = api.post("/webhooks", body)
    if answer.status_code == 415 or answer.status_code == 400:  # NUL is no text that anybody reads
        assert "\x00" in body["url"]
    else:
        said = refused(answer, 422, "invalid_request")
        assert [error["field"] for error in said["errors"]] == [field]
        assert "hunter2" not in json.dumps(said)
    assert not Webhook.objects.exists()
    assert not Destination.objects.exists()


def test_a_repeat_shows_the_secret_again_which_is_kept_nowhere(api: Api) -> None:
    first: Any = api.post("/webhooks", {"url": URL}, key="make-1")
    again: Any = api.post("/webhooks", {"url": URL}, key="make-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    kept = IdempotencyKey.objects.get()
    secret = first.json()["secret"]
    assert secret not in kept.body
    assert "whsec_" not in kept.body
    refused(api.post("/webhooks", {"url": URL + "/2"}, key="make-1"), 422, "idempotency_key_reused")


def test_a_repeated_deletion_is_answered_as_the_first(api: Api) -> None:
    made, kept = create(api), create(api, f"{URL}/2")

    def delete(webhook_id: str, **headers: str) -> Any:
        path = f"/api/v1/webhooks/{webhook_id}"
        return api.client.delete(path, headers=api._headers | headers)

    key = {"Idempotency-Key": "gone-1"}
    first, again = (delete(made["id"], **key) for _ in range(2))
    assert (first.status_code, again.status_code) == (204, 204)
    assert first.content == again.content == b""
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    refused(delete(made["id"]), 404, "unknown_webhook")
    refused(delete(kept["id"], **key), 422, "idempotency_key_reused")
    assert [one["id"] for one in api.get("/webhooks").json()["items"]] == [kept["id"]]


def test_a_repeat_after_the_servers_secret_is_gone_shows_none(api: Api, settings: Settings) -> None:
    create(api, key="make-1")
    settings.WEBHOOK_SECRETS = {2: b"another-secret-of-the-server-0123456789"}
    assert "secret" not in create(api, key="make-1")


def test_each_url_once(api: Api) -> None:
    made = create(api)
    said = refused(api.post("/webhooks", {"url": URL}), 409, "duplicate_webhook")
    assert said["webhook_id"] == made["id"]
    create(courier_api(make_courier("gls")))


def test_no_more_than_ten(api: Api) -> None:
    for number in range(MOST):
        create(api, f"{URL}/{number}")
    refused(api.post("/webhooks", {"url": URL}), 409, "too_many_webhooks")
    first = api.get("/webhooks", limit=7).json()
    rest = api.get("/webhooks", limit=7, cursor=first["next_cursor"]).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (7, 3, None)
    assert len({item["id"] for item in first["items"] + rest["items"]}) == MOST
    api.client.delete(f"/api/v1/webhooks/{rest['items'][0]['id']}", headers=api._headers)
    create(api)


def test_a_key_for_some_locations_is_told_of_none(courier: Courier, location: Location) -> None:
    _, text = make_key(courier=courier, location_ids=[location.pk])
    bound = Api(text, courier_api(courier).client)
    webhook = make_webhook(courier)
    for answer in (
        bound.get("/webhooks"),
        bound.post("/webhooks", {"url": URL}),
        bound.get(f"/webhooks/{webhook.pk}/deliveries"),
    ):
        refused(answer, 403, "location_bound_key")


# --- What belongs to somebody else -----------------------------------------------------------------------

CALLS = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/test"),
    ("POST", "/enable"),
    ("POST", "/rotate-secret"),
    ("GET", "/deliveries"),
    ("POST", "/deliveries/msg_20261120120000_1/resend"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_somebody_elses_is_like_none(api: Api, method: str, path: str) -> None:
    theirs = make_webhook(make_courier("gls"))
    answers = []
    for webhook_id in (theirs.pk, uuid4()):
        address = f"/api/v1/webhooks/{webhook_id}{path}"
        answer: Any = api.client.generic(method, address, headers=api._headers)
        refused(answer, 404, "unknown_webhook")
        answers.append(answer.content.replace(str(webhook_id).encode(), b""))
    assert answers[0] == answers[1]
    theirs.refresh_from_db()
    assert theirs.secret_version == 1
    assert not Notification.objects.exists()


def test_a_delivery_of_another_webhook_is_no_delivery_of_this_one(api: Api, courier: Courier) -> None:
    mine, other = make_webhook(courier), make_webhook(courier, URL + "/2")
    made = api.post(f"/webhooks/{other.pk}/test").json()
    refused(api.post(f"/webhooks/{mine.pk}/deliveries/{made['id']}/resend"), 404, "unknown_delivery")
    for unknown in ("msg_20261120120000_999999", "1", "msg_1", "x", "msg_20261120120000_" + "9" * 30):
        refused(api.post(f"/webhooks/{mine.pk}/deliveries/{unknown}/resend"), 404, "unknown_delivery")


# --- Life ------------------------------------------------------------------------------------------------


def test_taken_away_it_is_gone_and_so_is_what_waits(api: Api) -> None:
    made = create(api)
    api.post(f"/webhooks/{made['id']}/test")
    path = f"/api/v1/webhooks/{made['id']}"
    assert api.client.delete(path, headers=api._headers).status_code == 204
    refused(api.client.delete(path, headers=api._headers), 404, "unknown_webhook")
    refused(api.get(f"/webhooks/{made['id']}"), 404, "unknown_webhook")
    deliver_webhooks(now=NOW)
    row = Notification.objects.get()
    assert (row.status, row.reason) == (Status.SUPPRESSED, "The webhook was deleted")
    create(api)


def test_rotation_shows_a_new_secret_and_for_a_day_both_sign(api: Api) -> None:
    made = create(api)
    rotated: Any = api.post(f"/webhooks/{made['id']}/rotate-secret", key="rotate-1")
    again: Any = api.post(f"/webhooks/{made['id']}/rotate-secret", key="rotate-1")
    assert rotated.status_code == 200
    assert rotated.json()["secret"] != made["secret"]
    assert rotated.json()["old_secret_until"] == "2026-11-21T12:00:00Z"
    assert again.json() == rotated.json()
    webhook = Webhook.objects.get()
    assert webhook.secret_version == 2
    shown = [
        webhook_secrets.shown(webhook.pk, version, secret_id)
        for secret_id, version in webhook.versions(now=NOW + timedelta(hours=23))
    ]
    assert shown == [rotated.json()["secret"], made["secret"]]
    with time_machine.travel(NOW + timedelta(hours=24), tick=False):
        assert api.get(f"/webhooks/{made['id']}").json()["old_secret_until"] is None


def test_rotation_takes_the_newest_secret_of_the_server(api: Api, settings: Settings) -> None:
    made = create(api)
    settings.WEBHOOK_SECRETS = {**settings.WEBHOOK_SECRETS, 7: b"a-newer-secret-of-the-server-0123456789"}
    api.post(f"/webhooks/{made['id']}/rotate-secret")
    assert Webhook.objects.get().versions(now=NOW) == [(7, 2), (1, 1)]


def test_a_disabled_one_says_why_and_can_be_enabled(api: Api, courier: Courier) -> None:
    webhook = make_webhook(courier)
    destinations.close(webhook.destination_id, "HTTP 410", now=NOW)
    shown = api.get(f"/webhooks/{webhook.pk}").json()
    assert (shown["disabled_at"], shown["disabled_reason"]) == ("2026-11-20T12:00:00Z", "HTTP 410")
    refused(api.post(f"/webhooks/{webhook.pk}/test"), 409, "webhook_disabled")
    refused(
        api.post(f"/webhooks/{webhook.pk}/deliveries/msg_20261120120000_1/resend"), 409, "webhook_disabled"
    )
    enabled: Any = api.post(f"/webhooks/{webhook.pk}/enable")
    assert (enabled.status_code, enabled.json()["disabled_at"]) == (200, None)
    assert api.post(f"/webhooks/{webhook.pk}/test").status_code == 200


def test_one_that_fails_says_since_when_and_enabling_ends_its_pause(api: Api, courier: Courier) -> None:
    webhook = make_webhook(courier)
    for _ in range(5):
        destinations.failed(webhook.destination_id, "HTTP 503", now=NOW)
    shown = api.get(f"/webhooks/{webhook.pk}").json()
    assert (shown["failing_since"], shown["last_error"]) == ("2026-11-20T12:00:00Z", "HTTP 503")
    assert Destination.objects.get().paused_until is not None
    api.post(f"/webhooks/{webhook.pk}/enable")
    assert Destination.objects.get().paused_until is None


# --- What was sent ---------------------------------------------------------------------------------------


def test_from_an_event_to_the_list_of_deliveries_and_back(
    api: Api, location: Location, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with endpoint_sink() as sink:
        made = create(api, sink.url())
        sink.moods["/hook"] = [500, 204]
        package = api.post("/lockers/assign", parcel(location)).json()
        (waiting,) = sent(api, made)
        assert (waiting["status"], waiting["type"], waiting["package_id"], waiting["http_status"]) == (
            "pending",
            "package.stored",
            package["id"],
            None,
        )
        refused(
            api.post(f"/webhooks/{made['id']}/deliveries/{waiting['id']}/resend"), 409, "delivery_under_way"
        )
        Notification.objects.filter(channel="webhook").update(next_attempt_at=NOW)
        deliver_webhooks(now=NOW)
        (failed,) = sent(api, made)
        assert (failed["status"], failed["attempts"], failed["http_status"]) == ("pending", 1, 500)
        assert (failed["reason"], failed["sent_at"]) == ("HTTP 500", None)
        deliver_webhooks(now=NOW + timedelta(minutes=1))
        (arrived,) = sent(api, made)
        assert (arrived["status"], arrived["attempts"], arrived["http_status"]) == ("sent", 2, 204)
        assert (arrived["reason"], arrived["sent_at"]) == (None, "2026-11-20T12:01:00Z")
        assert {taken.headers["webhook-id"] for taken in sink.taken} == {arrived["id"]}

        again: Any = api.post(f"/webhooks/{made['id']}/deliveries/{arrived['id']}/resend")
        assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (200, "pending", 0)
        Notification.objects.filter(channel="webhook").update(next_attempt_at=NOW)
        deliver_webhooks(now=NOW)
        assert len(sink.taken) == 3
        assert len({(taken.headers["webhook-id"], taken.body) for taken in sink.taken}) == 1
        assert [row["status"] for row in sent(api, made)] == ["sent"]


def test_a_test_message(api: Api, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with endpoint_sink() as sink:
        made = create(api, sink.url(), events=["package.stored"])
        for _ in range(5):
            destinations.failed(f"webhook:{made['id']}", "HTTP 503", now=NOW)
        answer: Any = api.post(f"/webhooks/{made['id']}/test", key="test-1")
        assert api.post(f"/webhooks/{made['id']}/test", key="test-1").json() == answer.json()
        assert (answer.status_code, answer.json()["type"]) == (200, "webhook.test")
        Notification.objects.update(next_attempt_at=NOW)
        deliver_webhooks(now=NOW)
        (taken,) = sink.taken
        assert json.loads(taken.body) == {
            "type": "webhook.test",
            "timestamp": "2026-11-20T12:00:00Z",
            "data": {"webhook_id": made["id"]},
        }


def test_many_deliveries_in_pages_newest_first(api: Api, courier: Courier) -> None:
    webhook, other = make_webhook(courier), make_webhook(courier, URL + "/2")
    for _ in range(5):
        api.post(f"/webhooks/{webhook.pk}/test")
        api.post(f"/webhooks/{other.pk}/test")
    found, cursor = [], None
    for _ in itertools.count():
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"/webhooks/{webhook.pk}/deliveries", **query).json()
        found += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == 5
    assert found == sorted(found, key=lambda one: int(one.rpartition("_")[2]), reverse=True)
    refused(api.get(f"/webhooks/{webhook.pk}/deliveries", nonsense=1), 422, "invalid_request")
