"""Idempotency: the same `Idempotency-Key` gets the same answer, whatever happens in between.

The answer is kept in the same transaction as the work, in its last statement, so that a worker killed at any
point leaves both or none: no key stays locked. A repeat finds the key taken, its own work is rolled back, and
the kept answer is replayed. Of two requests with one key at the same moment, the second waits for the row of
the first. So a first request, as nearly all are, needs no query beforehand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from common.operation import Sweep
from common.sql import fetch
from packages_app import errors
from packages_app.models import Delegate
from packages_app.payloads import package_json
from packages_app.payloads.answer import Answer
from packages_app.secrets import pickup_codes, webhook_secrets
from packages_app.sql import idempotency as sql

VISIBLE_ASCII = re.compile(r"\A[\x21-\x7e]{1,255}\Z")

_TABLE = "packages_app_idempotencykey"


class KeyTaken(Exception):
    """An earlier request has this key: roll back what this one has done."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A request and its Idempotency-Key. Without the key, or without a courier, nothing is kept or replayed.

    `reads_codes`: whether the API key may see the pickup code in a replayed answer.
    """

    courier_id: int | None
    key: str | None
    fingerprint: bytes
    reads_codes: bool = True

    @property
    def keeps(self) -> bool:
        """Whether the answer is kept under a key."""
        return self.key is not None and self.courier_id is not None

    def earlier(self) -> Answer | None:
        """Return the answer that an earlier request with this key got, if there was one.

        Raises `IdempotencyConflict` if that was a different request.
        """
        rows = fetch(sql.READ, self.row) if self.keeps else []
        if not rows:
            return None
        if bytes(rows[0].fingerprint) != self.fingerprint:
            raise errors.IdempotencyConflict
        kept = json.loads(rows[0].body)
        compartment = kept.get("compartment")
        if compartment:  # kept by the statement that claimed it
            kept = kept["answer"]
            kept["body"]["compartment"] = package_json.door(*compartment)
        body = kept["body"]
        if kept["code_of"]:
            package_id, version, secret_id = kept["code_of"]
            if self.reads_codes and pickup_codes.computable(secret_id):
                body["pickup_code"] = pickup_codes.compute(UUID(package_id), version, secret_id)
            else:
                del body["pickup_code"]
        if kept.get("secret_of"):
            webhook_id, version, secret_id = kept["secret_of"]
            if webhook_secrets.computable(secret_id):
                body["secret"] = webhook_secrets.shown(UUID(webhook_id), version, secret_id)
            else:
                del body["secret"]
        if kept.get("delegate_of"):
            body["delegate"] = self._delegate(body["delegate"], *kept["delegate_of"])
        return Answer(rows[0].status, body, replayed=True)

    def or_earlier(self, run: Callable[[], Answer]) -> Answer:
        """Return what `run` answers, or the earlier request's answer if `run` finds the key taken.

        Raises `IdempotencyConflict` if that was a different request.
        """
        try:
            return run()
        except KeyTaken:
            earlier = self.earlier()
            if earlier is None:  # purged in between
                raise errors.IdempotencyRunning from None
            return earlier

    def keep(self, answer: Answer) -> Answer:
        """Keep the answer and return it; call this last in the transaction.

        Codes, secrets and names are left out, and computed or read again for a replay. Raises `KeyTaken` if
        an earlier request's answer is kept, `IdempotencyRunning` if that one still runs after the lock
        timeout.
        """
        if not self.keeps:
            return answer
        row = {**self.row, "status": answer.status, "body": self.text(answer)}
        with self.waiting_for_the_key():
            taken = not fetch(sql.KEEP, row)
        if taken:
            raise KeyTaken
        return answer

    @contextmanager
    def waiting_for_the_key(self) -> Iterator[None]:
        """Raise `IdempotencyRunning` for a statement that waits in vain for another request's row."""
        try:
            yield
        except OperationalError as error:
            cause = error.__cause__
            # "while inserting index tuple … in relation …": only here PostgreSQL names what it waited for.
            if isinstance(cause, LockNotAvailable) and _TABLE in (cause.diag.context or ""):
                raise errors.IdempotencyRunning from None
            raise

    def text(self, answer: Answer) -> str:
        """Return the answer as it is kept, without codes, secrets and names."""
        kept: dict[str, Any] = {"body": {**answer.body}, "code_of": _kept(answer.code_of)}
        if answer.code_of:
            kept["body"]["pickup_code"] = None
        if answer.secret_of:
            kept["body"]["secret"] = None
            kept["secret_of"] = _kept(answer.secret_of)
        if answer.delegate_of:
            shown = answer.body["delegate"]
            kept["body"]["delegate"] = {**dict.fromkeys(shown), "named_at": shown["named_at"]}
            kept["delegate_of"] = _kept(answer.delegate_of)
        return json.dumps(kept)

    @property
    def row(self) -> dict[str, Any]:
        """The columns that identify this request."""
        return {"courier_id": self.courier_id, "key": self.key, "fingerprint": self.fingerprint}

    def _delegate(
        self, body: dict[str, Any], delegate_id: str, version: int, secret_id: int
    ) -> dict[str, Any] | None:
        """Return the delegate in an earlier answer; None if their name has been erased since."""
        names = Delegate.objects.filter(pk=delegate_id).values_list("name", flat=True)
        if not (name := names.first()):
            return None
        body["name"] = name
        if "pickup_code" in body:
            if self.reads_codes and pickup_codes.computable(secret_id):
                length = pickup_codes.DELEGATE_DIGITS
                body["pickup_code"] = pickup_codes.compute(UUID(delegate_id), version, secret_id, length)
            else:
                del body["pickup_code"]
        return body


def _kept(parts: tuple[UUID, int, int] | None) -> list[str | int]:
    return [str(part) if isinstance(part, UUID) else part for part in parts or ()]


def fingerprint(method: str, path: str, body: bytes, *, location_ids: Iterable[int] = ()) -> bytes:
    """Return the SHA-256 of method, path and canonical JSON, in which the order of members does not matter.

    `location_ids`: those that the API key is bound to, because keys that see other locations get other
    answers.
    """
    try:
        canonical = json.dumps(json.loads(body or b"{}"), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        canonical = body.decode(errors="replace")
    seen = ",".join(map(str, sorted(location_ids)))
    return sha256(f"{method} {path} {canonical}{seen}".encode(errors="surrogatepass")).digest()


@Sweep
def purge_due(*, now: datetime, batch: int = 5000) -> int:
    """Delete answers kept longer than `settings.IDEMPOTENCY_KEEP`, oldest first; return how many.

    Each batch is a transaction of its own and skips rows that another run has locked.
    """
    purged: int = 0
    while True:
        count = fetch(sql.PURGE, {"before": now - settings.IDEMPOTENCY_KEEP, "batch": batch})[0].gone
        purged += count
        if count < batch:
            return purged
