"""One day of a network, in several threads: parcels are dropped off, picked up, canceled or left."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from devtools.replay.client import Answer, Api, Tally, Unanswered, connected
from devtools.replay.keys import Keys
from devtools.replay.parcels import Fate, Parcel

# Which share of the compartments may fill with parcels that wait for pickup, and with those that stay.
_WAITING_SHARE, _STAYING_SHARE = 0.4, 0.25
# A parcel without a compartment tries so many other locations, then lets so many recipients come first.
_ALTERNATIVES, _PICK_UP_FIRST = 3, 8
_FITS_NOTHING = "fits_no_compartment"


class Day:
    """The parcels of one replay.

    After `drive`, each parcel has an outcome, or is in `staying` until `take_back`, or waits for the next day
    because there was no compartment for it.
    """

    def __init__(self, *, url: str, run: str, keys: Keys, parcels: list[Parcel], tally: Tally) -> None:
        self.url, self.run, self.keys, self.tally = url, run, keys, tally
        self.parcels = parcels
        self.staying: list[Parcel] = []
        self._to_drop_off = deque(parcels)
        self._to_pick_up: deque[Parcel] = deque()
        self._turned_away: list[Parcel] = []
        self._pick_up_first = 0
        self._locations = list(keys.open_locations)
        self._next_location = 0
        self._busy = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        random.Random(run).shuffle(self._locations)  # noqa: S311 - spreads the load, not for security

    def drive(self, *, threads: int, every: float, progress: Callable[[], None]) -> None:
        """Drive all parcels until only the sweep is left to do; call `progress` every `every` seconds."""
        self._stop.clear()
        with ThreadPoolExecutor(threads) as pool:
            running = [pool.submit(self._work) for _ in range(threads)]
            try:
                while wait(running, timeout=every).not_done:
                    progress()
            except BaseException:
                self._stop.set()
                raise
        for future in running:
            future.result()

    def take_back(self, *, threads: int) -> None:
        """Take out all packages on the courier's list of returns."""
        mine = {parcel.package_id: parcel for parcel in self.parcels}
        with connected(self.url, self.tally) as api:
            queue = deque(self._returns(api))

        def work() -> None:
            with connected(self.url, self.tally) as api:
                while True:
                    try:
                        package = queue.popleft()
                    except IndexError:
                        return
                    answer = self._courier(api, "return", package["id"])
                    parcel = mine.get(package["id"])
                    if parcel is not None:
                        parcel.outcome = (
                            "returned" if answer.status == 200 else f"not returned: {answer.code}"
                        )

        with ThreadPoolExecutor(threads) as pool:
            for future in [pool.submit(work) for _ in range(threads)]:
                future.result()

    def next_day(self) -> bool:
        """Return whether another day may find room for the parcels left; otherwise give them an outcome."""
        left, freed = self._turned_away, len(self.staying)
        self._turned_away, self.staying = [], []
        if left and freed:
            self._to_drop_off.extend(left)
            return True
        for parcel in left:
            parcel.outcome = "refused: location_full"
        return False

    # --- work for the threads ---

    def _work(self) -> None:
        with connected(self.url, self.tally) as api:
            while not self._stop.is_set():
                task = self._next()
                if task is None:
                    time.sleep(0.01)
                    continue
                step, parcel = task
                try:
                    step(api, parcel)
                except Unanswered as error:
                    parcel.outcome = f"unanswered {error}"
                finally:
                    with self._lock:
                        self._busy -= 1

    def _next(self) -> tuple[Callable[[Api, Parcel], None], Parcel] | None:
        with self._lock:
            full = self._pick_up_first or len(self._to_pick_up) >= self.keys.free_doors * _WAITING_SHARE
            if self._to_drop_off and not (full and self._to_pick_up):
                step, parcel = self._drop_off, self._to_drop_off.popleft()
            elif self._to_pick_up:
                step, parcel = self._pick_up, self._to_pick_up.popleft()
                self._pick_up_first = max(0, self._pick_up_first - 1)
            else:
                if not self._busy:
                    self._stop.set()
                return None
            self._busy += 1
            return step, parcel

    # --- the courier ---

    def _drop_off(self, api: Api, parcel: Parcel) -> None:
        with self._lock:
            location = self._locations[self._next_location % len(self._locations)]
            self._next_location += 1
        answer = self._assign(api, parcel, location)
        for _ in range(_ALTERNATIVES):
            near = [other["location"] for other in answer.body.get("alternatives", ())]
            known = [code for code in near if code in self.keys.kiosks]
            if answer.code != "location_full" or not known:
                break
            answer = self._assign(api, parcel, known[0])
        if answer.status == 201:
            self._dropped_off(api, parcel, answer)
        elif answer.code == "duplicate_tracking_number":
            self._resume(api, parcel, str(answer.body.get("package_id")))
        elif answer.code == "location_full":
            self._no_room(parcel)
        else:
            parcel.outcome = "fits nothing" if answer.code == _FITS_NOTHING else f"refused: {answer.code}"

    def _no_room(self, parcel: Parcel) -> None:
        """Try the parcel again later the same day if any pickup may free a compartment, else the next day."""
        with self._lock:
            if self._to_pick_up:
                self._pick_up_first = _PICK_UP_FIRST
                self._to_drop_off.append(parcel)
            else:
                self._turned_away.append(parcel)

    def _assign(self, api: Api, parcel: Parcel, location: str) -> Answer:
        body: dict[str, Any] = {
            "location": location,
            "tracking_number": parcel.number,
            "dimensions": parcel.dimensions,
            "recipient": parcel.recipient,
            "deposited": not parcel.reserve_first,
        }
        if parcel.weight_g is not None:
            body["weight_g"] = parcel.weight_g
        parcel.tries += 1
        call = partial(
            api.post,
            "assign",
            "/lockers/assign",
            key=self.keys.courier,
            body=body,
            idempotency_key=f"{self.run}-{parcel.number}-{parcel.tries}-{location}",
        )
        answer = call()
        if parcel.ask_twice and answer.status == 201:
            self._same(parcel, answer, call(), by_key=True)
        return answer

    def _dropped_off(self, api: Api, parcel: Parcel, answer: Answer) -> None:
        package = answer.body
        parcel.package_id, parcel.location = package["id"], package["location"]
        if package["status"] == "PENDING":
            package = self._courier(api, "deposit", parcel.package_id).body
        if parcel.renew_code:
            old = package.get("pickup_code")
            package = self._courier(api, "resend-code", parcel.package_id).body
            if package.get("pickup_code") == old:
                parcel.faults.append("the new code is the old one")
        parcel.code = package.get("pickup_code") or ""
        if parcel.look:
            self._look(api, parcel)
        if package.get("status") != "STORED" or not parcel.code:
            parcel.outcome = f"not stored: {package.get('code', package.get('status'))}"
        elif parcel.fate == Fate.CANCEL:
            self._courier(api, "cancel", parcel.package_id, {"reason": "sent to another address"})
            self._stay(parcel)
        elif parcel.fate == Fate.LEAVE and len(self.staying) < self.keys.free_doors * _STAYING_SHARE:
            self._stay(parcel)
        else:
            with self._lock:
                self._to_pick_up.append(parcel)

    def _resume(self, api: Api, parcel: Parcel, package_id: str) -> None:
        """Continue with a parcel that an earlier replay left in its compartment."""
        answer = api.get("get package", f"/packages/{package_id}", key=self.keys.courier)
        if answer.body.get("status") in ("PENDING", "STORED"):
            self._dropped_off(api, parcel, answer)
        elif answer.body.get("status") in ("EXPIRED", "CANCELLED"):
            parcel.package_id, parcel.location = package_id, answer.body["location"]
            self._stay(parcel)
        else:
            parcel.outcome = "refused: duplicate_tracking_number"

    def _look(self, api: Api, parcel: Parcel) -> None:
        key = self.keys.courier
        seen = api.get("get package", f"/packages/{parcel.package_id}", key=key).body
        if seen.get("status") != "STORED" or seen.get("tracking_number") != parcel.number:
            parcel.faults.append("the package read is not the package dropped off")
        events = api.get("get events", f"/packages/{parcel.package_id}/events", key=key).body.get("items", [])
        if [event["event"] for event in events][:2] != ["assigned", "deposited"]:
            parcel.faults.append("the history does not begin with assigned, deposited")
        api.get("lockers status", f"/lockers/status?location={parcel.location}", key=key)

    def _courier(self, api: Api, action: str, package_id: str, body: Any = None) -> Answer:
        key = f"{self.run}-{package_id}-{action}"
        path = f"/packages/{package_id}/{action}"
        return api.post(action, path, key=self.keys.courier, body=body, idempotency_key=key)

    def _returns(self, api: Api) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            query = f"&cursor={cursor}" if cursor else ""
            page = api.get("get returns", f"/returns?limit=100{query}", key=self.keys.courier).body
            yield from page.get("items", [])
            cursor = page.get("next_cursor")

    def _stay(self, parcel: Parcel) -> None:
        with self._lock:
            self.staying.append(parcel)

    # --- the recipient at the kiosk ---

    def _pick_up(self, api: Api, parcel: Parcel) -> None:
        if parcel.wrong_code:
            digits = f"{(int(parcel.code) + 1) % 10**8:08d}"
            self._expect_unknown(parcel, self._type(api, parcel, digits), "a wrong code")
        nonce = f"{self.run}-{parcel.package_id}"[:64]
        answer = self._type(api, parcel, parcel.code, nonce=nonce)
        if answer.code == "phone_check_required" and parcel.phone_last4:
            answer = self._type(api, parcel, parcel.code, nonce=nonce, phone_last4=parcel.phone_last4)
        if answer.status == 200:
            self._picked_up(api, parcel, answer, nonce)
        elif answer.code in ("too_many_attempts", "phone_check_required", "expired"):
            self._stay(parcel)  # it cannot be opened in time: it goes back
        else:
            parcel.outcome = f"not collected: {answer.code}"

    def _picked_up(self, api: Api, parcel: Parcel, answer: Answer, nonce: str) -> None:
        parcel.outcome = "collected"
        if answer.body.get("package_id") != parcel.package_id:
            parcel.faults.append("the code opened the compartment of another package")
        if parcel.ask_twice:
            self._same(parcel, answer, self._type(api, parcel, parcel.code, nonce=nonce))
        if parcel.code_again:
            self._expect_unknown(parcel, self._type(api, parcel, parcel.code), "a used code")

    def _type(self, api: Api, parcel: Parcel, code: str, **more: str) -> Answer:
        return api.post(
            "pickup", "/pickup", key=self.keys.kiosks[parcel.location], body={"code": code, **more}
        )

    # --- checks ---

    def _same(self, parcel: Parcel, first: Answer, second: Answer, *, by_key: bool = False) -> None:
        if (first.status, first.body) != (second.status, second.body) or (by_key and not second.replayed):
            parcel.faults.append("the repeated call got a different answer")

    def _expect_unknown(self, parcel: Parcel, answer: Answer, code: str) -> None:
        if answer.code not in ("unknown_code", "too_many_attempts", "phone_check_required"):
            parcel.faults.append(f"{code} was answered with {answer.status}")
