"""Messages, providers and SMS limits in the admin."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from common.wakeup import nudge, nudge_webhooks
from notifications.delivery.breaker import breakers
from notifications.delivery.people import deliver_due
from notifications.models import ChannelState, Destination, Notification, Status, Tally
from notifications.sms import locmem
from notifications.webhooks.delivery import deliver_webhooks
from tests.notifications.conftest import NOW, Put
from tests.notifications.endpoint_sink import endpoint_sink

pytestmark = pytest.mark.django_db
LIST = "admin:notifications_notification_changelist"


def staff(*rights: str) -> User:
    user = User.objects.create_user("sten", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def desk(client: Client, settings: Settings) -> Client:
    """Return a client signed in as staff who may view and act."""
    client.force_login(
        staff(
            "view_notification",
            "change_notification",
            "view_channelstate",
            "change_channelstate",
            "add_notification",
            "delete_notification",
        )
    )
    return client


def act(client: Client, url: str, action: str, rows: list[Notification] | list[ChannelState]) -> int:
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(reverse(url), chosen).status_code


def test_dead_messages_are_sent_again_and_it_is_known_by_whom(
    desk: Client, put: Put, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    dead = put(status=Status.DEAD, reason="no such number", attempts=40)
    bounced = put(status=Status.BOUNCED, reason="failed", sent_at=NOW, receipt_at=NOW, attempts=1)
    sent = put(status=Status.SENT, sent_at=NOW)

    with django_capture_on_commit_callbacks() as callbacks:
        assert act(desk, LIST, "send_again", [dead, sent, bounced]) == 302

    assert callbacks == [nudge, nudge_webhooks]
    dead.refresh_from_db()
    sent.refresh_from_db()
    assert (dead.status, dead.attempts, dead.reason) == (Status.PENDING, 0, "")
    bounced.refresh_from_db()
    assert (sent.status, bounced.status) == (Status.SENT, Status.PENDING)
    assert LogEntry.objects.filter(object_id=bounced.pk).count() == 1
    (entry,) = LogEntry.objects.exclude(object_id=bounced.pk)
    assert (entry.user.get_username(), entry.object_id, entry.change_message) == (
        "sten",
        str(dead.pk),
        "Sent again.",
    )


@pytest.mark.django_db(transaction=True)
def test_the_dead_of_all_channels_are_sent_again_in_one_go(
    desk: Client, put: Put, settings: Settings
) -> None:
    settings.NOTIFICATION_COMPOSERS["webhook"] = "tests.notifications.composers.compose_hook"
    settings.WEBHOOK_ALLOW_PRIVATE = True
    locmem.outbox.clear()
    mail.outbox.clear()
    with endpoint_sink() as sink:
        dead = {"status": Status.DEAD, "reason": "away", "attempts": 40}
        context = {"url": sink.url("/1")}
        Destination.objects.create(subject="hook:1")
        for _ in range(30):  # more than a page of the list
            put("sms", **dead, charged_at=NOW)
            put("email", **dead)
            put("webhook", subject="hook:1", queue="thing:1", context=context, **dead)
        shown = list(Notification.objects.order_by("-id")[:50])
        everything = {"action": "send_again", "select_across": "1", "index": "0"}
        chosen = {**everything, "_selected_action": [str(row.pk) for row in shown]}
        answer = desk.post(f"{reverse(LIST)}?status__exact=dead", chosen, follow=True)
        assert b"90 messages will be sent again." in answer.content

        assert deliver_due().sent == 60
        assert deliver_webhooks().sent == 30
        assert (len(locmem.outbox), len(mail.outbox), len(sink.taken)) == (30, 30, 30)
    assert set(Notification.objects.values_list("status", "attempts", "reason")) == {("sent", 1, "")}
    assert LogEntry.objects.count() == 90


def test_staff_with_view_permission_only_cannot_act(client: Client, put: Put) -> None:
    client.force_login(staff("view_notification"))
    dead = put(status=Status.DEAD, reason="no such number")

    act(client, LIST, "send_again", [dead])

    dead.refresh_from_db()
    assert dead.status == Status.DEAD
    assert b"Send dead and bounced messages again" not in client.get(reverse(LIST)).content


def test_nothing_is_added_edited_or_deleted(desk: Client, put: Put) -> None:
    row = put()
    assert desk.get(reverse("admin:notifications_notification_add")).status_code == 403
    assert desk.post(reverse("admin:notifications_notification_delete", args=[row.pk])).status_code == 403
    change = reverse("admin:notifications_notification_change", args=[row.pk])
    assert desk.get(change).status_code == 200
    assert desk.post(change, {"status": "sent"}).status_code == 403
    assert act(desk, LIST, "delete_selected", [row]) == 302
    row.refresh_from_db()
    assert row.status == Status.PENDING


def test_messages_are_found_by_their_package_or_number(desk: Client, put: Put, settings: Settings) -> None:
    package = uuid.uuid4()
    wanted = put(subject=f"thing:{package}", kind="code_renewed")
    put(kind="expired")
    for term in (str(package), f"thing:{package}", str(wanted.pk), wanted.dedup_key, f" {package} "):
        page = desk.get(reverse(LIST), {"q": term})
        assert [row.pk for row in page.context["cl"].result_list] == [wanted.pk], term
    for term in ("nothing", "9" * 40, "'; --"):
        assert list(desk.get(reverse(LIST), {"q": term}).context["cl"].result_list) == []
    assert len(desk.get(reverse(LIST), {"q": " "}).context["cl"].result_list) == 2
    filtered = desk.get(reverse(LIST), {"kind": "expired", "status__exact": "pending"})
    assert len(filtered.context["cl"].result_list) == 1


def test_what_arrived_and_what_bounced_are_shown_with_their_time_and_can_be_filtered(
    desk: Client, put: Put
) -> None:
    fields = {"sent_at": NOW, "receipt_at": NOW.replace(hour=13, minute=47)}
    put(status=Status.DELIVERED, **fields)
    put(status=Status.BOUNCED, reason="undelivered", **fields)
    put()
    for chosen, reason in (("delivered", False), ("bounced", True)):
        page = desk.get(reverse(LIST), {"status__exact": chosen})
        assert [row.status for row in page.context["cl"].result_list] == [chosen]
        text = page.content.decode()
        assert ("13:47" in text, "undelivered" in text) == (True, reason)


def test_staff_can_resume_sending(desk: Client) -> None:
    (breaker,) = breakers("sms", ["first"])
    for _ in range(5):
        breaker.failed("away", now=NOW)
    state = ChannelState.objects.get()
    url = "admin:notifications_channelstate_changelist"
    assert b"away" in desk.get(reverse(url)).content

    assert act(desk, url, "close_breaker", [state]) == 302

    assert not breakers("sms", ["first"])[0].is_open
    assert LogEntry.objects.get().change_message == "Resumed sending."


def test_staff_see_what_each_provider_does(desk: Client, put: Put, settings: Settings) -> None:
    settings.SMS_BACKEND_2, settings.SMS_PROVIDER_2 = settings.SMS_BACKEND, "sms-house"
    url = reverse("admin:notifications_channelstate_changelist")

    def rows() -> dict[str, str]:
        found = desk.get(url).context["cl"]
        return {str(state.provider): found.model_admin.now(state) for state in found.result_list}

    put()
    assert deliver_due(now=NOW).sent == 1
    assert rows() == {"locmem": "sending", "first": "sending", "sms-house": "standing by"}
    (breaker,) = breakers("sms", ["first"])
    for _ in range(5):
        breaker.failed("away", now=NOW)
    assert rows() == {"locmem": "sending", "first": "paused", "sms-house": "sending"}
    settings.SMS_BACKEND_2 = ""
    assert rows()["sms-house"] == "not in the settings"


def test_staff_see_what_was_spent_on_sms_and_edit_nothing(client: Client) -> None:
    Tally.objects.create(pk="payer:2026-11-20:courier:dpd", used="19.8", refused=9934, day=NOW.date())
    Tally.objects.create(pk="subject:thing:1", used=3, day=NOW.date())
    url = reverse("admin:notifications_tally_changelist")
    client.force_login(staff("view_tally", "change_tally", "add_tally", "delete_tally"))
    page = client.get(url, {"q": "payer:2026-11-20"}).content.decode()
    assert ("19.8000" in page, "9934" in page, "subject:thing:1" in page) == (True, True, False)
    assert client.get(reverse("admin:notifications_tally_add")).status_code == 403
    delete = reverse("admin:notifications_tally_delete", args=[quote("subject:thing:1")])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert Tally.objects.count() == 2
