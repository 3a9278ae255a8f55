"""Couriers and kiosks that speak only HTTP, and write down what they were told."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.prepare import LOCATIONS
from tests.chaos.stack import Stack

PATIENCE = 60.0  # seconds for which a client repeats one request
TIMEOUT = 15.0  # seconds for one answer; far over what is promised, so that a slow one is seen and counted


@dataclass
class Answer:
    """What came back, or status 0 for a broken connection."""

    status: int
    headers: dict[str, str]
    body: Any
    seconds: float
    at: float  # when the request was sent, on the steady clock

    @property
    def is_final(self) -> bool:
        """Whether a client stops repeating: no broken connection, no 5xx, and no "still running"."""
        running = self.status == 409 and self.body.get("code") == "idempotency_key_running"
        return 0 < self.status < 500 and not running


@dataclass
class Story:
    """One package as its client knows it. `None`: never acknowledged."""

    tracking_number: str
    location: str
    package_id: str | None = None
    code: str | None = None
    deposited: bool = False
    retrieved: bool = False
    cancelled: bool = False


@dataclass
class History:
    """Everything that all clients were told; shared by their threads."""

    stories: list[Story] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def slowest(self, since: float = 0.0) -> float:
        """Seconds of the slowest answer to a request that was sent after `since`."""
        return max((answer.seconds for answer in self.answers if answer.at >= since), default=0.0)

    def statuses(self, since: float = 0.0) -> Counter[int]:
        """How often each status came; 0 is a broken connection."""
        return Counter(answer.status for answer in self.answers if answer.at >= since)


def request(
    stack: Stack, method: str, path: str, *, body: Any = None, form: str | None = None, **headers: str
) -> Answer:
    """One request on a connection of its own; underscores in the names of `headers` become hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=TIMEOUT)
    begun = time.monotonic()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, form if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        text = response.read()
        status, got = response.status, {name.lower(): value for name, value in response.getheaders()}
    except (OSError, http.client.HTTPException):
        status, got, text = 0, {}, b""
    finally:
        connection.close()
    is_json = "json" in got.get("content-type", "")
    return Answer(
        status, got, json.loads(text) if is_json else text, seconds=time.monotonic() - begun, at=begun
    )


class Client:
    """A courier with its kiosk: brings packages and collects them, repeating what fails with the same key."""

    numbers = itertools.count(1)

    def __init__(self, stack: Stack, history: History, *, seed: int = 0) -> None:
        self.stack = stack
        self.history = history
        self.random = random.Random(seed)

    def post(self, path: str, body: Any, *, key: str, idempotency: str | None = None) -> Answer:
        """Repeat until an answer is final or patience ends; every answer goes into the history."""
        headers = {"Authorization": f"Bearer {key}"}
        if idempotency:
            headers["Idempotency_Key"] = idempotency
        ends = time.monotonic() + PATIENCE
        while True:
            answer = request(self.stack, "POST", f"/api/v1{path}", body=body, **headers)
            self.history.answers.append(answer)
            if answer.is_final or time.monotonic() > ends:
                return answer
            time.sleep(self.random.uniform(0.1, 0.4))

    def bring(self, *, deposited: bool = True) -> Story:
        """Assign, and deposit where that is a step of its own."""
        story, body = self._parcel(deposited)
        answer = self._courier("/lockers/assign", body, expect=201)
        if answer is not None:
            story.package_id = answer.body["id"]
            story.deposited, story.code = deposited, answer.body.get("pickup_code")
            if not deposited:
                confirmed = self._courier(f"/packages/{story.package_id}/deposit", {}, expect=200)
                story.deposited = confirmed is not None
                story.code = confirmed.body["pickup_code"] if confirmed else None
        return story

    def bring_twice_at_once(self) -> None:
        """The same drop-off under one key by two threads, as an impatient program does it: one answer."""
        story, body = self._parcel(deposited=True)
        key, idempotency = self.stack.keys["courier"], uuid.uuid4().hex
        with ThreadPoolExecutor(2) as pool:
            asked = [
                pool.submit(self.post, "/lockers/assign", body, key=key, idempotency=idempotency)
                for _ in range(2)
            ]
        first, second = (one.result() for one in asked)
        if first.status == second.status == 201 and first.body == second.body:
            story.package_id, story.deposited = first.body["id"], True
        else:
            self.history.wrong.append(f"{story.tracking_number}: {first} and {second}")

    def _parcel(self, deposited: bool) -> tuple[Story, dict[str, Any]]:
        number = next(Client.numbers)
        story = Story(f"CH{number:06d}", self.random.choice(LOCATIONS))
        self.history.stories.append(story)
        body = {
            "location": story.location,
            "tracking_number": story.tracking_number,
            "size": self.random.choice(["SMALL", "MEDIUM"]),
            "recipient": {"name": "R", "email": f"r{number}@example.com", "phone": f"+37255{number:06d}"},
            "deposited": deposited,
        }
        return story, body

    def collect(self, story: Story) -> None:
        """The kiosk, with a nonce, so that a repeat after a lost answer opens nothing new."""
        body = {"code": story.code, "nonce": uuid.uuid4().hex}
        answer = self.post("/pickup", body, key=self.stack.keys["kiosks"][story.location])
        if answer.status == 200 and answer.body["package_id"] == story.package_id:
            story.retrieved = True
        elif answer.is_final:
            self.history.wrong.append(f"pickup of {story.tracking_number}: {answer.status} {answer.body}")

    def cancel(self, story: Story) -> None:
        """The courier calls it off."""
        answer = self._courier(f"/packages/{story.package_id}/cancel", {}, expect=200)
        story.cancelled = answer is not None

    def _courier(self, path: str, body: Any, *, expect: int) -> Answer | None:
        answer = self.post(path, body, key=self.stack.keys["courier"], idempotency=uuid.uuid4().hex)
        if answer.status == expect:
            return answer
        if answer.is_final:
            self.history.wrong.append(f"{path}: {answer.status} {answer.body}")
        return None


class Load:
    """Clients that work at the same time until told to stop; with rests that are longer by `slower`."""

    def __init__(self, stack: Stack, *, clients: int, slower: float = 1.0) -> None:
        self._slower = slower
        self.history = History()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(Client(stack, self.history, seed=number),))
            for number in range(clients)
        ]

    def _work(self, client: Client) -> None:
        while not self._stop.is_set():
            story = client.bring(deposited=client.random.random() < 0.6)
            what_next = client.random.random()
            if story.code and what_next < 0.6:
                client.collect(story)
            elif story.package_id and what_next > 0.8:
                client.cancel(story)
            time.sleep(client.random.uniform(0.1, 0.3) * self._slower)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Each client finishes what it has in hand."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
