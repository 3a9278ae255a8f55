"""From a drop-off to what the courier reads of its messages when the providers have spoken."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from notifications.delivery.people import deliver_due
from notifications.models import Notification
from packages_app.invariants import audit
from packages_app.models import Package
from tests.notifications.receipts.posting import SECRETS, post
from tests.world import Api, courier_api, make_courier, make_location, parcel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(settings: Settings) -> Api:
    settings.RECEIPT_SECRETS = {"first": SECRETS["first"], "locmem": SECRETS["other"]}
    return courier_api(make_courier())


def told(api: Api, package: Package) -> list[dict[str, object]]:
    answer = api.get(f"/packages/{package.pk}/notifications")
    assert answer.status_code == 200
    items: list[dict[str, object]] = answer.json()["items"]
    return items


def test_a_courier_reads_what_arrived_and_what_did_not(api: Api) -> None:
    answer = api.post("/lockers/assign", parcel(make_location(), "T-1"))
    package = Package.objects.get(pk=answer.json()["id"])
    deliver_due()
    assert [(row["status"], row["delivered_at"], row["bounced_at"]) for row in told(api, package)] == [
        ("sent", None, None)
    ] * 2

    sms, email = (Notification.objects.get(channel=channel) for channel in ("sms", "email"))
    assert post({"id": sms.provider_id, "status": "delivered"}).status_code == 204
    gone = {"id": email.provider_id, "status": "bounced", "error": f"550 <{package.recipient.email}> who?"}
    assert post(gone, provider="locmem", key=SECRETS["other"][0], form=True).status_code == 204

    rows = {row["channel"]: row for row in told(api, package)}
    assert (rows["sms"]["status"], rows["email"]["status"]) == ("delivered", "bounced")
    assert rows["sms"]["delivered_at"] is not None
    assert rows["email"]["bounced_at"] is not None
    assert (rows["sms"]["bounced_at"], rows["email"]["delivered_at"]) == (None, None)
    assert all(row["reason"] is None for row in rows.values())
    email.refresh_from_db()
    assert package.recipient.email not in email.reason
    assert [finding.invariant.id for finding in audit.run() if finding.violations] == []
