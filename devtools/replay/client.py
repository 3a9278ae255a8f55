"""A client of the API with one persistent connection, which counts and times every call."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

# Error codes that, like every 5xx, ask for the same request a little later.
_RETRY_CODES = {"idempotency_key_running"}
TRIES = 8
LONGEST_PAUSE_SECONDS = 5.0
TIMEOUT_SECONDS = 30.0


class Unanswered(Exception):
    """The portal gave no usable answer to any attempt."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API."""

    status: int
    body: dict[str, Any]
    replayed: bool

    @property
    def code(self) -> str:
        """The error code; empty for a success."""
        return str(self.body.get("code", f"http_{self.status}")) if self.status >= 400 else ""


@dataclass
class Tally:
    """Counts and times of the calls of all threads."""

    milliseconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter)
    server_errors: Counter[str] = field(default_factory=Counter)
    lost_connections: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, call: str, answer: Answer, milliseconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.milliseconds[call].append(milliseconds)
            if answer.status >= 400:
                self.refusals[answer.code] += 1
            if answer.status >= 500:
                self.server_errors[f"{call} {answer.status}"] += 1

    def count_lost(self) -> None:
        """Count a connection that broke before its answer."""
        with self._lock:
            self.lost_connections += 1

    @property
    def faults(self) -> int:
        """Answers 5xx except 503, which changes nothing and was retried."""
        return sum(count for call, count in self.server_errors.items() if not call.endswith(" 503"))

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return sum(map(len, list(self.milliseconds.values())))


class Api:
    """The API, for one thread. Lost calls are retried; their key or nonce makes that safe."""

    def __init__(self, url: str, tally: Tally) -> None:
        """Prepare a connection to `url`, the address of the portal without a path."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(
            parts.hostname or "127.0.0.1", parts.port or (443 if secure else 80), timeout=TIMEOUT_SECONDS
        )
        self._tally = tally

    def get(self, call: str, path: str, *, key: str) -> Answer:
        """Read; `call` is the name of the call in the tally."""
        return self._ask(call, "GET", path, {"Authorization": f"Bearer {key}"}, None)

    def post(
        self, call: str, path: str, *, key: str, body: Any = None, idempotency_key: str | None = None
    ) -> Answer:
        """Make a change."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        content = None if body is None else json.dumps(body).encode()
        return self._ask(call, "POST", path, headers, content)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(
        self, call: str, method: str, path: str, headers: dict[str, str], content: bytes | None
    ) -> Answer:
        """Return the answer, after retries where needed. Raises `Unanswered` after `TRIES` attempts."""
        last = ""
        for attempt in range(TRIES):
            try:
                answer, retry_after = self._once(call, method, path, headers, content)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self._tally.count_lost()
                last, retry_after = type(error).__name__, None
            else:
                if answer.status < 500 and answer.code not in _RETRY_CODES:
                    return answer
                last = f"{answer.status} {answer.code}"
            time.sleep(min(LONGEST_PAUSE_SECONDS, retry_after or 0.1 * 2**attempt))
        raise Unanswered(f"{call}: {last}")

    def _once(
        self, call: str, method: str, path: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[Answer, float | None]:
        begun = time.perf_counter()
        self._connection.request(method, f"/api/v1{path}", content, headers)
        response = self._connection.getresponse()
        text = response.read()
        milliseconds = (time.perf_counter() - begun) * 1000
        answer = Answer(response.status, _object(text), response.headers.get("Idempotent-Replayed") == "true")
        self._tally.count(call, answer, milliseconds)
        retry_after = response.headers.get("Retry-After", "")
        return answer, float(retry_after) if retry_after.isdigit() else None


@contextmanager
def connected(url: str, tally: Tally) -> Iterator[Api]:
    """Open a connection for the time of the block."""
    api = Api(url, tally)
    try:
        yield api
    finally:
        api.close()


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
