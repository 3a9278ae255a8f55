"""Codes and keys stand in no log, no event, no broker message and no table as text.

A whole flow with real commits and a real broker; then everything that was written anywhere is searched.
"""

from __future__ import annotations

import base64
import io
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from redis import Redis

from lockerportal.celery import app
from lockerportal.logs import RedactSecrets
from lockers.models import Membership
from notifications import tasks as delivery
from notifications.models import Destination, Notification
from notifications.sms import locmem
from packages_app import operations
from packages_app.life.lifecycle import Status
from packages_app.models import ApiKey, Courier, Package, Recipient, Webhook, WrongCodeTally
from packages_app.secrets.pickup_codes import shown
from tests.notifications.endpoint_sink import endpoint_sink
from tests.notifications.receipts.posting import SECRETS, post
from tests.world import (
    NOW,
    Api,
    code_of,
    courier_api,
    delegate_code_of,
    door,
    kiosk_api,
    make_courier,
    make_key,
    make_kiosk,
    make_location,
    make_package,
    parcel,
    revoke_key,
    wrong_code,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker() -> Iterator[Redis]:
    """The broker that the portal really publishes to, empty at first."""
    client = Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def stderr() -> Iterator[io.StringIO]:
    """What the configured handler writes, from DEBUG on."""
    root = logging.getLogger()
    handler = next(one for one in root.handlers if any(isinstance(f, RedactSecrets) for f in one.filters))
    assert isinstance(handler, logging.StreamHandler)
    written, level = io.StringIO(), root.level
    before = handler.setStream(written)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    handler.setStream(before)


@dataclass
class Secrets:
    """All codes and keys that came up, also the wrong ones: a wrong code may be a typo in a right one."""

    codes: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    hooks: set[str] = field(default_factory=set)

    def remember(self, package: Package) -> str:
        """The package's code of now."""
        code = code_of(package)
        self.codes.add(code)
        return code

    def found_in(self, text: str) -> list[str]:
        """Which of them stand in `text`, however they are written."""
        codes = [
            code
            for code in self.codes
            if code in text or shown(code) in text or shown(code).replace(" ", "-") in text
        ]
        keys = [key for key in self.keys if key in text or key.split("_")[3] in text]
        hooks = [
            hook
            for hook in self.hooks
            if hook.removeprefix("whsec_") in text
            or base64.b64decode(hook.removeprefix("whsec_")).decode("latin-1") in text
        ]
        receipts = [
            key.decode()
            for key in (*SECRETS["first"], *SECRETS["other"])
            if key.decode() in text or base64.b64encode(key).decode() in text
        ]
        configured = [settings.SECRET_KEY, *(one.decode() for one in settings.PICKUP_CODE_SECRETS.values())]
        return codes + keys + hooks + receipts + [secret for secret in configured if secret in text]


def every_table() -> dict[str, str]:
    """Each table's rows as text; binary columns and sessions are read as well."""
    tables = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text = "\n".join(row for (row,) in cursor.fetchall())
            tables[table] = text + "\n" + decoded(text)
    tables["django_session"] += "".join(str(session.get_decoded()) for session in Session.objects.all())
    return tables


def decoded(text: str) -> str:
    """What stands in its hexadecimal parts."""
    return "\n".join(
        bytes.fromhex(part).decode("latin-1") for part in re.findall(r"\\x((?:[0-9a-f]{2})+)", text)
    )


def everything_in(broker: Redis) -> str:
    """All keys and values, and the bodies of Celery's messages as they read."""
    found = []
    read: dict[Any, Callable[[Any], Any]] = {
        b"string": broker.get,
        b"list": lambda name: broker.lrange(name, 0, -1),
        b"hash": broker.hgetall,
        b"set": broker.smembers,
        b"zset": lambda name: broker.zrange(name, 0, -1),
    }
    for name in broker.scan_iter("*"):
        value = read[broker.type(name)](name)
        found.append(f"{name!r} {value!r}")
    text = "\n".join(found)
    bodies = re.findall(r'"body": ?"([A-Za-z0-9+/=]+)"', text)
    return text + "\n".join(base64.b64decode(body).decode() for body in bodies)


@pytest.fixture(autouse=True)
def noon() -> Iterator[Any]:
    locmem.outbox.clear()
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller
    locmem.outbox.clear()


def a_whole_flow(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a code or a key has to do with, right and wrong."""
    location, other = make_location(), make_location("RIX-1")
    courier = make_courier()
    shop, plain = courier_api(courier, codes_read=True), courier_api(courier)
    screen = kiosk_api(make_kiosk(location))
    secrets.keys |= {shop.key, plain.key, screen.key}

    told = a_webhook(shop, secrets)
    first = bring(shop, location, secrets, key="order-1")
    bring(shop, location, secrets, key="order-1")
    second = bring(plain, location, secrets, deposited=False)
    plain.post(f"/packages/{second.pk}/deposit", key="deposit-1")
    secrets.remember(second)
    shop.post(f"/packages/{first.pk}/resend-code", key="resend-1")
    shop.post(f"/packages/{first.pk}/resend-code", key="resend-1")
    secrets.remember(first)
    shop.post(f"/packages/{second.pk}/reassign", {"reason": "damaged"}, key="reassign-1")
    delegate(shop, first, secrets)
    for api in (shop, plain):
        for path in ("/packages", f"/packages/{first.pk}", f"/packages/{first.pk}/events", "/returns"):
            assert api.get(path).status_code == 200
    delivery.deliver()
    receipts_come(secrets, monkeypatch)
    tell(shop, told, secrets)

    wrong_keys(courier, secrets)
    elsewhere = make_package(courier, door(other, "S1"))
    expired = make_package(courier, door(location, "L1"), Status.EXPIRED)
    wrong = (wrong_code(location), "314159265")
    for code in (*wrong, secrets.remember(elsewhere), secrets.remember(expired)):
        secrets.codes.add(code)
        screen.post("/pickup", {"code": code})
        screen.post(f"/pickup/{code}", {"nonce": "n-0"})
        screen.post(f"/pickup/{code[:4]}%20{code[4:]}/nothing")
        screen.get(f"/pickup/{code}")
    a_fault_of_ours(screen, secrets, code_of(first), monkeypatch)
    WrongCodeTally.objects.filter(location=location).update(failures=60)
    location.kiosks.update(wrong_codes_in_row=0, locked_until=None)
    for more in ({}, {"phone_last4": "0000"}, {"phone_last4": "1234"}, {"phone_last4": "1234"}):
        answer: Any = screen.post("/pickup", {"code": code_of(first), "nonce": "n-1", **more})
    assert answer.status_code == 200, answer.content
    WrongCodeTally.objects.all().delete()
    in_the_browser(screen.key, second)
    keys_in_the_admin(courier, secrets)
    operations.expire_due(now=NOW.replace(year=2027))
    delivery.deliver()


def a_webhook(api: Api, secrets: Secrets) -> Any:
    """Made, twice with one key, and its secret rotated likewise: the answer's body."""
    for _ in range(2):
        made: Any = api.post("/webhooks", {"url": "http://127.0.0.1:9/hook"}, key="hook-1")
        assert made.status_code == 201, made.content
        secrets.hooks.add(made.json()["secret"])
    for _ in range(2):
        rotated: Any = api.post(f"/webhooks/{made.json()['id']}/rotate-secret", key="hook-2")
        secrets.hooks.add(rotated.json()["secret"])
    return made.json()


def tell(api: Api, webhook: Any, secrets: Secrets) -> None:
    """Messages that arrive and that do not, and a fault of ours with a traceback; then what the API says."""
    with endpoint_sink() as sink:
        Webhook.objects.update(url=sink.url())
        sink.moods["/hook"] = [500, 204, 410]
        for _ in range(3):
            Destination.objects.update(paused_until=None)
            Notification.objects.filter(status="pending").update(next_attempt_at=NOW.replace(year=2020))
            delivery.deliver_webhooks()
        assert {taken.headers["webhook-id"] for taken in sink.taken}
    for path in ("/webhooks", f"/webhooks/{webhook['id']}", f"/webhooks/{webhook['id']}/deliveries"):
        answer: Any = api.get(path)
        assert answer.status_code == 200
        assert secrets.found_in(answer.content.decode()) == []
    staff = Client()
    staff.force_login(User.objects.create_superuser("sue"))
    page: Any = staff.post(
        "/admin/packages_app/webhook/",
        {"action": "rotate_secret", "_selected_action": [webhook["id"]]},
    )
    secrets.hooks |= set(re.findall(r"whsec_[\w+/=]+", page.content.decode()))
    assert len(secrets.hooks) == 3


def receipts_come(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Believed, refused, not understood, and a fault of ours with a traceback."""
    taken = Notification.objects.filter(channel="sms", status="sent").earliest("pk")
    said = {"reference": f"{taken.kind}-{taken.pk}", "status": "delivered"}
    first, second = SECRETS["first"]
    assert [
        post(said, key=second).status_code,
        post(said, key=first).status_code,
        post(said, key=SECRETS["other"][0]).status_code,
        post(said, provider="other", key=first).status_code,
        post({**said, "status": "?"}).status_code,
    ] == [204, 204, 401, 401, 400]
    with monkeypatch.context() as patch:
        patch.setattr("notifications.receipts.matching.accept", lambda receipt: 1 // 0)
        assert post(said).status_code == 500
    taken.refresh_from_db()
    assert taken.status == "delivered"


def bring(api: Api, location: Any, secrets: Secrets, key: str | None = None, **more: Any) -> Package:
    answer: Any = api.post("/lockers/assign", parcel(location, f"T-{key}", **more), key=key)
    assert answer.status_code == 201, answer.content
    package = Package.objects.get(pk=answer.json()["id"])
    if package.status == Status.STORED:
        assert secrets.remember(package) == answer.json().get("pickup_code", code_of(package))
    return package


def delegate(api: Api, package: Package, secrets: Secrets) -> None:
    """Somebody else may collect it; renewed, removed, named again."""
    path, juhan = f"/packages/{package.pk}/delegate", {"name": "Juhan", "phone": "+3725559876"}
    for key in ("delegate-1", "delegate-1"):
        answer: Any = api.post(path, juhan, key=key)
        assert answer.json()["delegate"]["pickup_code"] == delegate_code_of(package)
    secrets.codes.add(delegate_code_of(package))
    api.post(f"{path}/resend-code", key="delegate-2")
    secrets.codes.add(delegate_code_of(package))
    api.client.delete(f"/api/v1{path}", headers={"Authorization": f"Bearer {api.key}"})
    assert api.post(path, juhan, key="delegate-3").status_code == 201
    secrets.codes.add(delegate_code_of(package))


def wrong_keys(courier: Any, secrets: Secrets) -> None:
    """Revoked, expired, unknown, mistyped; in the header and in the query."""
    row, revoked = make_key(courier=courier)
    revoke_key(row, now=NOW)
    row, expired = make_key(courier=courier)
    ApiKey.objects.filter(pk=row.pk).update(expires_at=NOW)
    row, unknown = make_key(courier=courier)
    row.delete()
    for key in (revoked, expired, unknown, unknown[:-1] + "0"):
        secrets.keys.add(key)
        for url in ("/api/v1/returns", f"/api/v1/returns?api_key={key}", f"/api/v1/{key}"):
            assert Client().get(url, headers={"Authorization": f"Bearer {key}"}).status_code in (401, 404)


def a_fault_of_ours(screen: Api, secrets: Secrets, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback is written, with whatever is in it."""

    def fail(**arguments: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("packages_app.operations.pick_up", fail)
        assert screen.post(f"/pickup/{code}").status_code == 500
        assert screen.post("/pickup", {"code": code}).status_code == 500


def in_the_browser(key: str, package: Package) -> None:
    """The screen as a page, and the manager's pages."""
    page = Client()
    page.post("/kiosk/connect/", {"key": key[:-1] + "0"})
    assert page.post("/kiosk/connect/", {"key": key}).status_code == 302
    for code in ("12345678", code_of(package)):
        nonce = page.get("/kiosk/").context["nonce"]
        answer = page.post("/kiosk/", {"code": code, "nonce": nonce})
    assert answer["Location"] == "/kiosk/door/"
    user = User.objects.create_user("mia")
    Membership.objects.create(user=user, location=package.location)
    manager = Client()
    manager.force_login(user)
    for path in ("", "locations/TLL-1/", "locations/TLL-1/packages/", f"packages/{package.pk}/"):
        assert manager.get(f"/manage/{path}").status_code == 200


def keys_in_the_admin(courier: Any, secrets: Secrets) -> None:
    """Made, looked at, rotated and used; each text is shown to whoever asked, and in no other answer."""
    staff = Client()
    staff.force_login(User.objects.create_superuser("sam"))
    add = reverse("admin:packages_app_apikey_add")
    made = [staff.post(add, {"courier": courier.pk, "days": 30, **more}) for more in ({}, {"test": "on"})]
    key = ApiKey.objects.get(replaces=None, made_by="staff:sam", kind="live")
    made.append(staff.post(reverse("admin:packages_app_apikey_rotate", args=[key.pk]), {"hours": 1}))
    out = io.StringIO()
    call_command("rotate_api_key", ApiKey.objects.get(kind="test").key_id, stdout=out, stderr=io.StringIO())
    texts_shown = [
        re.findall(r"plk_(?:live|test)_\w{8}_\w{43}_\w{6}", page.content.decode()) for page in made
    ]
    assert [len(texts) for texts in texts_shown] == [1, 1, 1]
    new = {texts[0] for texts in texts_shown} | {out.getvalue().strip()}
    assert len(new) == 4
    secrets.keys |= new
    for one in new:
        assert Client().get("/api/v1/returns", headers={"Authorization": f"Bearer {one}"}).status_code == 200
    for row in ApiKey.objects.all():
        page = staff.get(reverse("admin:packages_app_apikey_change", args=[row.pk])).content.decode()
        assert secrets.found_in(page) == []
    index = staff.get(reverse("admin:index")).content.decode()
    assert secrets.found_in(index) == []


def wait_for_messages(broker: Redis) -> None:
    """The nudge travels in a thread of its own."""
    for _ in range(500):
        if broker.llen(settings.CELERY_TASK_DEFAULT_QUEUE):
            return
        time.sleep(0.01)
    raise AssertionError("nothing was published")


def test_nothing_is_left_of_codes_and_keys(
    broker: Redis,
    stderr: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    settings.RECEIPT_SECRETS = SECRETS
    secrets = Secrets()
    a_whole_flow(secrets, monkeypatch)
    wait_for_messages(broker)
    assert len(secrets.codes) >= 6
    assert len(secrets.keys) >= 7

    # The messages have them: that is what they are for, and so the search can find them.
    sent = "\n".join([*(sms.text for sms in locmem.outbox), *(str(one.message()) for one in mail.outbox)])
    assert secrets.found_in(sent)

    for table, text in every_table().items():
        assert secrets.found_in(text) == [], table
    assert secrets.found_in(everything_in(broker)) == []
    written = stderr.getvalue()
    assert "A receipt of 'other' was rejected: wrong signature" in written
    assert "ZeroDivisionError" in written
    assert "API key refused: revoked" in written
    assert secrets.found_in(written) == []

    control(secrets, broker, stderr)


def control(secrets: Secrets, broker: Redis, stderr: io.StringIO) -> None:
    """Put one into each place: the search must find it there."""
    code, key = next(iter(secrets.codes)), next(iter(secrets.keys))
    Recipient.objects.update(name=f"code {shown(code)}")
    assert code in secrets.found_in(every_table()["packages_app_recipient"])
    hook = next(iter(secrets.hooks))
    Courier.objects.update(name=hook)
    assert hook in secrets.found_in(every_table()["packages_app_courier"])
    ApiKey.objects.update(digest=base64.b64decode(hook.removeprefix("whsec_")))
    assert hook in secrets.found_in(every_table()["packages_app_apikey"])
    Courier.objects.update(name=SECRETS["first"][0].decode())
    assert SECRETS["first"][0].decode() in secrets.found_in(every_table()["packages_app_courier"])
    ApiKey.objects.update(digest=key.encode())
    assert key in secrets.found_in(every_table()["packages_app_apikey"])
    session = Client().session
    session["typed"] = code
    session.save()
    assert code in secrets.found_in(every_table()["django_session"])
    broker.hset("somewhere", "code", code)
    assert code in secrets.found_in(everything_in(broker))
    broker.delete("somewhere")
    app.send_task("notifications.tasks.deliver", args=[code])
    assert code in secrets.found_in(everything_in(broker))
    logging.getLogger("anything").warning("the code is %s", code)
    assert code in secrets.found_in(stderr.getvalue())
