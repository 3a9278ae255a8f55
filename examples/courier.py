"""A courier's client for Locker Portal that drops off a parcel, using the standard library only.

    python examples/courier.py http://127.0.0.1:8000 plk_live_… LOCATION TRACKING-NUMBER

Every POST has an Idempotency-Key, so that it can be retried after a broken connection, a 503 or a crash of
the client: the portal gives the same answer again instead of reserving a second compartment.
"""

import json
import sys
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


class Refused(Exception):
    """The portal refused; `problem` is its answer, and the `code` in it is stable."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem = problem


class Courier:
    """The portal's API with the key of one courier."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = f"{url}/api/v1", key

    def call(self, method: str, path: str, body: Any = None, *, idempotency_key: str = "") -> Any:
        """Call the API. `idempotency_key` is the same for every retry of one request."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        data = None if body is None else json.dumps(body).encode()
        waits = [32.0, 16.0, 8.0, 4.0, 2.0]
        while True:
            try:
                with urlopen(Request(self.url + path, data, headers, method=method), timeout=10) as answer:
                    return json.load(answer)
            except HTTPError as error:
                if not waits or "Retry-After" not in error.headers:
                    raise Refused(json.load(error)) from None
                waits[-1] = float(error.headers["Retry-After"])
            except OSError:  # no connection, or a broken one
                if not waits:
                    raise
            time.sleep(waits.pop())


if __name__ == "__main__":
    address, api_key, location, number = sys.argv[1:]
    recipient = {"name": "Mari Tamm", "email": "mari@example.com"}
    parcel = {"location": location, "tracking_number": number, "size": "SMALL", "recipient": recipient}
    try:
        package = Courier(address, api_key).call(
            "POST", "/lockers/assign", parcel, idempotency_key=f"drop-off-{number}"
        )
    except Refused as refused:
        sys.exit(f"{refused.problem['code']}. Alternatives: {refused.problem.get('alternatives', 'none')}")
    door = package["compartment"]
    print(f"Open door {door['locker']}-{door['label']}.")
    print(f"Package {package['id']} is {package['status']} until {package['expires_at']}.")
