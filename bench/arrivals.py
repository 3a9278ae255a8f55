"""An open loop: requests arrive at a fixed rate, whether or not the server has answered earlier ones.

Latency counts from the moment of arrival, so a server that falls behind is seen to. The connections are kept
alive; a request that finds none free waits for one, and its waiting counts.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.world import World

CONNECTIONS = 64
LONGEST_TAIL = 20.0  # seconds that are waited for the last answers


@dataclass
class Stream:
    """The results of one kind of request."""

    sent: int = 0
    good: int = 0
    starved: int = 0  # pickups for which there was no package yet: drop-offs were that far behind
    bad: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Return a percentile in milliseconds."""
        if not self.seconds:
            return float("inf")
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    @property
    def p50(self) -> float:
        """The median latency in milliseconds."""
        return statistics.median(self.seconds) * 1000 if self.seconds else float("inf")


class Caller:
    """Couriers and kiosks of the network, over plain HTTP/1.1."""

    def __init__(self, address: str, network: World, locations: list[str]) -> None:
        parts = urlsplit(address)
        self.host, self.port = parts.hostname or "", parts.port or 0
        self.network, self.locations = network, locations
        self.run = uuid.uuid4().hex[:10]
        self.codes: deque[tuple[str, str]] = deque()
        self.count = 0
        self.turn = dict.fromkeys(locations, 0)
        self.free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def connect(self) -> None:
        """Open all connections."""
        for _ in range(CONNECTIONS):
            self.free.put_nowait(await asyncio.open_connection(self.host, self.port))

    async def close(self) -> None:
        """Close them."""
        while not self.free.empty():
            self.free.get_nowait()[1].close()

    async def drop_off(self, stream: Stream, arrived: float) -> None:
        """Drop off a package and keep its code for a pickup."""
        self.count += 1
        number = f"{self.run}-{self.count}"
        person = {"name": "Recipient", "email": f"r{self.count}@example.com", "phone": "+37255512345"}
        body = {
            "location": random.choice(self.locations),
            "tracking_number": number,
            "size": random.choice(("SMALL", "SMALL", "SMALL", "MEDIUM", "MEDIUM", "LARGE")),
            "recipient": person,
        }
        headers = f"Idempotency-Key: {number}\r\n"
        answer = await self._post(
            stream, arrived, "/api/v1/lockers/assign", self.network.courier, body, headers, 201
        )
        if answer:
            self.codes.append((answer["location"], answer["pickup_code"]))

    async def pick_up(self, stream: Stream, arrived: float, location: str, code: str) -> None:
        """Pick up a package at one of the location's kiosks."""
        self.count += 1
        keys = self.network.kiosks[location]
        self.turn[location] = (self.turn[location] + 1) % len(keys)
        body = {"code": code, "nonce": f"{self.run}-{self.count}"}
        await self._post(stream, arrived, "/api/v1/pickup", keys[self.turn[location]], body, "", 200)

    async def _post(
        self, stream: Stream, arrived: float, path: str, key: str, body: dict, headers: str, expected: int
    ) -> dict | None:
        stream.sent += 1
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{headers}"
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        reader, writer = await self.free.get()
        try:
            writer.write(head.encode() + content)
            answer_head = await reader.readuntil(b"\r\n\r\n")
            length = int(answer_head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            stream.bad.append(type(error).__name__)
            writer.close()
            self.free.put_nowait(await asyncio.open_connection(self.host, self.port))
            return None
        self.free.put_nowait((reader, writer))
        status = int(answer_head[9:12])
        stream.seconds.append(time.perf_counter() - arrived)
        if status != expected:
            stream.bad.append(f"{status} {answer[:150]!r}")
            return None
        stream.good += 1
        return json.loads(answer)

    async def prepare(self, packages: int, stream: Stream) -> None:
        """Drop off packages that can then be picked up."""
        gate = asyncio.Semaphore(16)

        async def one() -> None:
            async with gate:
                await self.drop_off(stream, time.perf_counter())

        await asyncio.gather(*(one() for _ in range(packages)))


async def arrive(caller: Caller, seconds: float, *, dropoffs: float, pickups: float) -> tuple[Stream, Stream]:
    """Send requests at these rates, at random moments (Poisson), and return when all are answered."""
    dropped, picked = Stream(), Stream()
    tasks: set[asyncio.Task[None]] = set()
    started = time.perf_counter()

    async def flow(rate: float, start: object) -> None:
        moment = started
        while rate and (moment := moment + random.expovariate(rate)) < started + seconds:
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            work = start(moment)
            if work is not None:
                task = asyncio.create_task(work)
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    def pick(moment: float) -> object:
        if not caller.codes:
            picked.sent += 1
            picked.starved += 1
            return None
        return caller.pick_up(picked, moment, *caller.codes.popleft())

    await asyncio.gather(flow(dropoffs, lambda moment: caller.drop_off(dropped, moment)), flow(pickups, pick))
    if tasks:
        await asyncio.wait(tasks, timeout=LONGEST_TAIL)
    for task in tasks:
        task.cancel()
        dropped.bad.append("no answer")
    return dropped, picked
