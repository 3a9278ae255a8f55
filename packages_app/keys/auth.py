"""Keys at the door of the API: `Authorization: Bearer <key>`, and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from common.sql import Question
from packages_app.core.actor import Caller
from packages_app.errors import Refusal
from packages_app.keys import rate_limits
from packages_app.keys.addresses import client_address
from packages_app.keys.checking import verify
from packages_app.models import ApiKey

logger = logging.getLogger(__name__)


class InvalidKey(Refusal):
    """The key is missing or not valid.

    Send `Authorization: Bearer <key>`. Unknown, expired and revoked keys are answered alike; staff find the
    reason in the log, and make new ones.
    """

    code = "invalid_key"
    status = 401


class MissingScope(Refusal):
    """The key does not have the right to do this.

    Couriers bring and kiosks open; use the right key, or ask staff for one with the scope.
    """

    code = "missing_scope"
    status = 403


def note_failure(request: HttpRequest, why: str) -> None:
    """Writes down why a key was refused, and counts it. Raises `RateLimited` where there were too many."""
    logger.warning("API key refused: %s (from %s)", why, client_address(request))
    rate_limits.count_failed_key(request)


Beside = Callable[[HttpRequest], Question | None]


def nothing(request: HttpRequest) -> None:
    """What most calls ask for along with the key."""
    return


class KeyAuth(HttpBearer):
    """Lets a key with `scope` in. Why a key was refused stands in the log, not in the answer.

    `beside`: what the call is going to read, to be asked for along with the key (`checking.verify`).
    """

    refusals: tuple[type[Refusal], ...] = (InvalidKey, MissingScope, rate_limits.RateLimited)

    def __init__(self, *scopes: ApiKey.Scope, beside: Beside = nothing) -> None:
        super().__init__()
        self.scopes = frozenset(scopes)
        self.beside = beside

    def __call__(self, request: HttpRequest) -> Any:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidKey
        return self.authenticate(request, token.strip())

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Raises `InvalidKey`, `MissingScope` and `RateLimited`."""
        caller, why = verify(
            token,
            now=timezone.now(),
            whence=lambda: client_address(request),
            beside=self.beside(request),
        )
        if caller is None:
            note_failure(request, why)
            raise InvalidKey
        rate_limits.count_call(request, caller)
        if not self.scopes & caller.scopes:
            raise MissingScope
        return caller


class LocationBoundKey(Refusal):
    """A key for some locations only cannot do this, which is about all of them.

    Use a key of yours that is not bound to locations.
    """

    code = "location_bound_key"
    status = 403


class UnboundKeyAuth(KeyAuth):
    """Lets in no key that is made for some locations only."""

    refusals = (*KeyAuth.refusals, LocationBoundKey)

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Raises `LocationBoundKey` as well."""
        caller = super().authenticate(request, token)
        if caller.actor.location_ids:
            raise LocationBoundKey
        return caller


courier_key = KeyAuth(ApiKey.Scope.PACKAGES)
unbound_courier_key = UnboundKeyAuth(ApiKey.Scope.PACKAGES)
kiosk_key = KeyAuth(ApiKey.Scope.PICKUP)
any_key = KeyAuth(ApiKey.Scope.PACKAGES, ApiKey.Scope.PICKUP)
