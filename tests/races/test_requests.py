"""The same request many times at once, and one hot location, through HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from devtools.run.portal_commands import command, with_python
from lockers.models import Location
from packages_app.models import Courier, IdempotencyKey, Package
from tests.races.together import assert_sound, together
from tests.world import Api, courier_api, make_location, parcel

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]


def at_once(api: Api, count: int, body: Any, key: str | None) -> list[Any]:
    """The same POST from many threads; each with a client of its own."""
    answers: list[Any] = together(
        *(
            lambda: Api(api.key, type(api.client)()).post("/lockers/assign", body, key=key)
            for _ in range(count)
        )
    )
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert not failed, failed
    return answers


def test_one_idempotency_key_is_one_package_and_one_answer(location: Location, courier: Courier) -> None:
    api = courier_api(courier, codes_read=True)
    for number in range(5):
        answers = at_once(api, 16, parcel(location, f"T-{number}"), key=f"k-{number}")
        running = [answer for answer in answers if answer.status_code == 409]
        assert all(answer.json()["code"] == "idempotency_key_running" for answer in running)
        assert all(answer["Retry-After"] for answer in running)
        given = [answer for answer in answers if answer.status_code == 201]
        assert len(given) + len(running) == 16
        assert len({answer.content for answer in given}) == 1
        assert sum("Idempotent-Replayed" not in answer for answer in given) == 1
    assert Package.objects.count() == 5
    assert IdempotencyKey.objects.count() == 5
    assert_sound()


def test_one_key_for_a_refusal_is_one_answer(courier: Courier) -> None:
    location = make_location(small=0, medium=0, large=0)
    answers = at_once(courier_api(courier), 16, parcel(location, "T-1"), key="k")
    refused = [answer for answer in answers if answer.json()["code"] == "location_full"]
    assert {answer.json()["code"] for answer in answers} <= {"location_full", "idempotency_key_running"}
    assert len({answer.content for answer in refused}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in refused) == 1


def test_one_key_for_two_requests_is_for_the_first(location: Location, courier: Courier) -> None:
    api = courier_api(courier)
    bodies = [parcel(location, f"T-{number % 2}") for number in range(8)]
    answers: list[Any] = together(
        *(
            lambda body=body: Api(api.key, type(api.client)()).post("/lockers/assign", body, key="k")
            for body in bodies
        )
    )
    assert Package.objects.count() == 1
    assert set(Counter(answer.status_code for answer in answers)) <= {201, 409, 422}
    won = Package.objects.get().tracking_number
    for body, answer in zip(bodies, answers, strict=True):
        if answer.status_code == 201:
            assert body["tracking_number"] == won
        elif answer.status_code == 422:
            assert answer.json()["code"] == "idempotency_key_reused"


def test_one_tracking_number_without_a_key_is_one_package(location: Location, courier: Courier) -> None:
    api = courier_api(courier)
    for number in range(5):
        answers = at_once(api, 16, parcel(location, f"T-{number}"), key=None)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 15}
        package = Package.objects.get(tracking_number=f"T-{number}")
        for answer in answers:
            if answer.status_code == 409:
                assert answer.json()["code"] == "duplicate_tracking_number"
                assert answer.json()["package_id"] == str(package.pk)
    assert_sound()


# --- One hot location, through the real web server ---------------------------------------------------------


@contextlib.contextmanager
def web_server() -> Iterator[int]:
    """The portal under granian on this test's database; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    url = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    environment = with_python(os.environ) | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_THREADS": "4",
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{name}")),
        "NOTIFICATION_NUDGE": "false",
    }
    server = subprocess.Popen(
        command("web", "--backlog", "512"),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    for _ in range(300):
        assert server.poll() is None, "the web server has ended"
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(asked):
            asked.request("GET", "/livez")
            if asked.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the web server does not answer")


def over_the_wire(port: int, count: int, key: str, parcels: Callable[[int], tuple[Any, str]]) -> list[Any]:
    """So many drop-offs at the same moment, each on its own connection; status, headers and body of each.

    `parcels` gives the body and the Idempotency-Key of each.
    """
    barrier = threading.Barrier(count)

    def bring(number: int) -> tuple[int, Any, bytes]:
        body, idempotency_key = parcels(number)
        caller = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        caller.connect()
        barrier.wait(timeout=60)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        headers["Idempotency-Key"] = idempotency_key
        caller.request("POST", "/api/v1/lockers/assign", json.dumps(body), headers)
        answer = caller.getresponse()
        text = answer.read()
        caller.close()
        return answer.status, answer.headers, text

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(bring, range(count)))


def test_16_equal_requests_to_the_web_server_are_one(location: Location, courier: Courier) -> None:
    key = courier_api(courier, codes_read=True).key
    body = parcel(location, "T-1")
    with web_server() as port:
        answers = over_the_wire(port, 16, key, lambda number: (body, "k-1"))
        running = [answer for answer in answers if answer[0] == 409]
        assert all(json.loads(text)["code"] == "idempotency_key_running" for _, _, text in running)
        assert all(headers["Retry-After"] for _, headers, _ in running)
        given = [answer for answer in answers if answer[0] == 201]
        assert len(given) + len(running) == 16
        assert len({text for _, _, text in given}) == 1
        assert sum("Idempotent-Replayed" not in headers for _, headers, _ in given) == 1
        ((status, headers, text),) = over_the_wire(port, 1, key, lambda number: (body, "k-1"))
    assert (status, headers["Idempotent-Replayed"], text) == (201, "true", given[0][2])
    assert Package.objects.count() == IdempotencyKey.objects.count() == 1
    assert_sound()


def test_128_couriers_for_60_doors(courier: Courier) -> None:
    location = make_location("HOT", small=20, medium=20, large=20)
    key = courier_api(courier).key
    with web_server() as port:
        answers = [
            (status, json.loads(text))
            for status, _, text in over_the_wire(
                port, 128, key, lambda number: (parcel(location, f"T-{number}"), f"k-{number}")
            )
        ]
    assert Counter(status for status, _ in answers) == {201: 60, 409: 68}
    assert {body["code"] for status, body in answers if status == 409} == {"location_full"}
    given = [body["compartment"]["id"] for status, body in answers if status == 201]
    assert len(set(given)) == 60
    assert Package.objects.in_door().count() == 60
    assert_sound()
