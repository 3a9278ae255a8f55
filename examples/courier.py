"""A courier's client for Locker Portal, in the standard library: drop off a parcel, follow it, take it back.

    python examples/courier.py http://127.0.0.1:8000 plk_live_… LOCATION TRACKING-NUMBER

Every POST carries an Idempotency-Key, so that it can be repeated after a broken connection, a 503, or a
crash in between: the portal gives the same answer again and no second door.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen


class Refused(Exception):
    """The portal said no; `code` says why and is stable."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.code, self.problem = problem["code"], problem


class Courier:
    """The portal, spoken to with one courier's key."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = f"{url}/api/v1", key

    def call(self, method: str, path: str, body: Any = None, *, once: str = "", tries: int = 6) -> Any:
        """One call. `once` is the Idempotency-Key: the same for every repeat of the same wish."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if once:
            headers["Idempotency-Key"] = once
        data = None if body is None else json.dumps(body).encode()
        for left in reversed(range(tries)):
            wait = 2.0 ** (tries - left)
            try:
                with urlopen(Request(self.url + path, data, headers, method=method), timeout=10) as answer:
                    return json.load(answer)
            except HTTPError as error:
                if "Retry-After" not in error.headers or not left:
                    raise Refused(json.load(error)) from None
                wait = float(error.headers["Retry-After"])
            except (URLError, TimeoutError):
                if not left:
                    raise
            time.sleep(wait)
        raise AssertionError("unreachable")

    def drop_off(self, location: str, tracking_number: str, size: str, recipient: dict[str, str]) -> Any:
        """The package, with the compartment to open. Raises `Refused`, such as `location_full`."""
        body = {
            "location": location,
            "tracking_number": tracking_number,
            "size": size,
            "recipient": recipient,
        }
        return self.call("POST", "/lockers/assign", body, once=f"drop-off-{tracking_number}")


if __name__ == "__main__":
    address, api_key, place, number = sys.argv[1:]
    courier = Courier(address, api_key)
    try:
        package = courier.drop_off(place, number, "SMALL", {"name": "Mari Tamm", "email": "mari@example.com"})
    except Refused as refused:
        sys.exit(f"Refused: {refused}. Alternatives: {refused.problem.get('alternatives', 'none')}")
    door = package["compartment"]
    print(f"Open door {door['locker']}-{door['label']}.")
    print(f"Package {package['id']} is {package['status']} until {package['expires_at']}.")
