"""Webhooks in the admin: to look at, to disable and enable, and their secret shown once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from notifications.models import Notification
from notifications.webhooks import destinations
from packages_app.models import Webhook
from packages_app.secrets import webhook_secrets
from tests.world import NOW, make_courier, make_webhook

pytestmark = pytest.mark.django_db

LIST = "admin:packages_app_webhook_changelist"


@pytest.fixture
def webhook() -> Webhook:
    return make_webhook(make_courier())


def act(client: Client, action: str, *webhooks: Webhook, **more: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(webhook.pk) for webhook in webhooks], **more}
    return client.post(reverse(LIST), chosen, follow=True)


def test_it_is_shown_with_its_state_and_never_its_secret(admin_client: Client, webhook: Webhook) -> None:
    for _ in range(5):
        destinations.failed(webhook.destination_id, "HTTP 503", now=NOW)
    for address in (reverse(LIST), reverse("admin:packages_app_webhook_change", args=[webhook.pk])):
        text = admin_client.get(address).content.decode()
        assert webhook.url in text
        assert "HTTP 503" in text
        assert "whsec_" not in text
    assert admin_client.get(reverse(LIST), {"q": "dpd"}).content.decode().count(webhook.url) >= 1


def test_its_page_leads_to_what_was_sent(admin_client: Client, webhook: Webhook) -> None:
    other = make_webhook(make_courier("ups"))
    for one in (webhook, other):
        Notification.objects.create(
            kind="package.stored",
            channel="webhook",
            subject=one.destination_id,
            dedup_key=f"{one.destination_id}:event:1",
        )
    page = admin_client.get(reverse("admin:packages_app_webhook_change", args=[webhook.pk])).content.decode()
    address = f"{reverse('admin:notifications_notification_changelist')}?q={webhook.pk}"
    assert address in page
    found = admin_client.get(address).content.decode()
    assert webhook.destination_id in found
    assert other.destination_id not in found


def test_a_message_is_found_by_its_webhook_id(admin_client: Client, webhook: Webhook) -> None:
    row = Notification.objects.create(
        kind="package.stored", channel="webhook", subject=webhook.destination_id, dedup_key="x"
    )
    address = reverse("admin:notifications_notification_changelist")
    assert (
        webhook.destination_id in admin_client.get(address, {"q": f"msg_20261120_{row.pk}"}).content.decode()
    )
    assert webhook.destination_id not in admin_client.get(address, {"q": "msg_20261120_99"}).content.decode()


def test_disabled_with_a_reason_that_the_courier_reads_and_enabled_again(
    admin_client: Client, webhook: Webhook
) -> None:
    asked = act(admin_client, "disable", webhook)
    assert 'name="reason"' in asked.content.decode()
    assert Webhook.objects.get().destination.closed_at is None
    act(admin_client, "disable", webhook, reason="it floods us")
    state = Webhook.objects.get().destination
    assert state.closed_reason == "Disabled by head office: it floods us"
    act(admin_client, "enable", webhook)
    assert Webhook.objects.get().destination.closed_at is None
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
        "Disabled by head office: it floods us",
        "Enabled.",
    ]


def test_a_rotated_secret_is_shown_once_and_kept_nowhere(admin_client: Client, webhook: Webhook) -> None:
    answer = act(admin_client, "rotate_secret", webhook)
    webhook.refresh_from_db()
    secret = webhook_secrets.shown(webhook.pk, 2, webhook.secret_id)
    assert (webhook.secret_version, webhook.previous_version) == (2, 1)
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert secret not in admin_client.get(reverse(LIST)).content.decode()
    assert all(secret not in entry.change_message for entry in LogEntry.objects.all())


def test_one_secret_at_a_time(admin_client: Client, webhook: Webhook) -> None:
    other = make_webhook(webhook.courier, "https://other.example.com/")
    assert "Choose one webhook." in act(admin_client, "rotate_secret", webhook, other).content.decode()
    assert set(Webhook.objects.values_list("secret_version", flat=True)) == {1}


def test_who_may_only_look_does_nothing(client: Client, webhook: Webhook) -> None:
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_webhook"))
    client.force_login(viewer)
    assert webhook.url in client.get(reverse(LIST)).content.decode()
    for action in ("disable", "enable", "rotate_secret"):
        act(client, action, webhook, reason="x")
    webhook.refresh_from_db()
    assert webhook.secret_version == 1
    assert webhook.destination.closed_at is None
    stranger = User.objects.create_user("sten", is_staff=True)
    client.force_login(stranger)
    assert client.get(reverse(LIST)).status_code == 403
