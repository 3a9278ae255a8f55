"""The lines of the README that verify a webhook do so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from notifications.tasks import deliver_webhooks
from packages_app.models import EventType
from tests.notifications.endpoint_sink import endpoint_sink
from tests.world import courier_api, make_courier, make_location, parcel

README = (Path(__file__).parents[2] / "docs/api/README.md").read_text()

pytestmark = pytest.mark.django_db(transaction=True)


def receiver() -> Any:
    """`receive`, as it is written there."""
    (lines,) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    written: dict[str, Any] = {}
    exec(lines, written)  # noqa: S102
    return written["receive"]


def test_the_receiver_of_the_readme_takes_what_we_send_and_nothing_else() -> None:
    location, api = make_location(), courier_api(make_courier())
    receive = receiver()
    with endpoint_sink() as sink:
        secret = api.post("/webhooks", {"url": sink.url()}).json()["secret"]
        package: Any = api.post("/lockers/assign", parcel(location)).json()
        deliver_webhooks()
    (taken,) = sink.taken
    status, message = receive(secret, taken.headers, taken.body)
    assert (status, message["type"]) == (204, "package.stored")
    shown = api.get(f"/packages/{package['id']}").json()
    del shown["delegate"]  # personal data, which no webhook carries
    assert {name: message["data"][name] for name in shown} == shown
    assert "delegate" not in message["data"]
    assert receive(secret, taken.headers, taken.body.replace(b"STORED", b"EXPIRED")) == (400, None)
    assert receive("whsec_" + "A" * 44, taken.headers, taken.body) == (400, None)
    assert receive(secret, {**taken.headers, "webhook-id": "msg_1"}, taken.body) == (400, None)
    assert receive(secret, {**taken.headers, "webhook-timestamp": "1700000000"}, taken.body) == (400, None)


@pytest.mark.parametrize("name", EventType.values)
def test_every_type_stands_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README
