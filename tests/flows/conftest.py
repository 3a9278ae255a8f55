"""One location, its people, and a clock that can be moved: everything else goes through HTTP and tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone

from lockers.models import Location, Membership
from notifications import tasks as delivery
from notifications.sms import locmem
from packages_app import tasks
from tests.world import NOW, Api, courier_api, kiosk_api, make_courier, make_kiosk, make_location, parcel


class Clock:
    """The time of everybody here."""

    def __init__(self, traveller: Any) -> None:
        self._traveller = traveller

    def forward(self, **by: float) -> None:
        """`forward(days=3)`."""
        self._traveller.shift(timedelta(**by))

    def to(self, moment: datetime) -> None:
        """Then it is this moment."""
        self._traveller.move_to(moment, tick=False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Noon of a Friday; the scheduled jobs, which ask the database for the time, are told this one."""
    for room in (
        "tasks",
        "api.kiosks",
        "pages.manager.downtimes",
        "pages.recipient.views",
        "admin.locations",
    ):
        monkeypatch.setattr(f"packages_app.{room}.database_now", timezone.now)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield Clock(traveller)


@dataclass
class Place:
    """A location with everybody who has to do with it, each speaking as they really do."""

    location: Location
    courier: Api
    shop: Api
    screen: Api
    manager: Client
    clock: Clock
    read: int = field(default=0)

    def bring(self, size: str = "SMALL", **more: Any) -> Any:
        """The courier brings a parcel: the answer's body."""
        answer: Any = self.courier.post("/lockers/assign", parcel(self.location, size=size, **more))
        assert answer.status_code == 201, answer.content
        return answer.json()

    def change(self, package_id: str, call: str, body: Any = None, status: int = 200) -> Any:
        """The courier does something to it: the answer's body."""
        answer: Any = self.courier.post(f"/packages/{package_id}/{call}", body)
        assert answer.status_code == status, answer.content
        return answer.json()

    def see(self, package_id: str) -> Any:
        """How it stands."""
        answer: Any = self.courier.get(f"/packages/{package_id}")
        assert answer.status_code == 200
        return answer.json()

    def history(self, package_id: str) -> list[str]:
        """What happened to it, oldest first."""
        answer: Any = self.courier.get(f"/packages/{package_id}/events")
        return [line["event"] for line in answer.json()["items"]]

    def type_code(self, code: str, **more: Any) -> tuple[int, Any]:
        """The recipient types a code: status and body."""
        answer: Any = self.screen.post("/pickup", {"code": code, **more})
        return answer.status_code, answer.json()

    def doors(self) -> dict[str, dict[str, int]]:
        """By size, what stands there: `{"SMALL": {"available": 2}, …}` without the zeros."""
        answer: Any = self.screen.get("/lockers/status", location=self.location.code)
        (place,) = answer.json()
        return {
            size["size"]: {name: n for name, n in size.items() if name not in ("size", "total") and n}
            for size in place["sizes"]
        }

    def messages(self) -> list[str]:
        """The texts that went out since the last look, SMS only (each e-mail says the same)."""
        delivery.deliver()
        assert len(mail.outbox) == len(locmem.outbox)
        texts = [sms.text for sms in locmem.outbox[self.read :]]
        self.read = len(locmem.outbox)
        return texts

    def code_told(self) -> str:
        """The code in the one message that came since the last look."""
        (text,) = self.messages()
        found = re.search(r"\b(\d{4} \d{4})\b", text)
        assert found, text
        return found[1]

    def sweep(self) -> None:
        """What Celery beat does each half minute."""
        tasks.expire()
        tasks.lapse_reservations()


@pytest.fixture
def place(clock: Clock, db: None) -> Iterator[Place]:
    """Two doors of each size in Tallinn."""
    locmem.outbox.clear()
    mail.outbox.clear()
    location = make_location(time_zone="Europe/Tallinn")
    courier = make_courier()
    user = User.objects.create_user("mia")
    Membership.objects.create(user=user, location=location)
    manager = Client()
    manager.force_login(user)
    yield Place(
        location=location,
        courier=courier_api(courier),
        shop=courier_api(courier, codes_read=True),
        screen=kiosk_api(make_kiosk(location)),
        manager=manager,
        clock=clock,
    )
    locmem.outbox.clear()
