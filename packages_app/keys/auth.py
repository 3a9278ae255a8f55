"""Authenticate API calls by `Authorization: Bearer <key>`, and by nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from common.sql import ExtraQuery
from packages_app.core.actor import Caller
from packages_app.errors import Refusal
from packages_app.keys import rate_limits
from packages_app.keys.addresses import client_address
from packages_app.keys.checking import verify
from packages_app.models import ApiKey

logger = logging.getLogger(__name__)


class InvalidKey(Refusal):
    """The API key is missing or invalid.

    Send `Authorization: Bearer <key>`. Unknown, expired and revoked keys get the same answer; staff can find
    the reason in the log, and make a new key.
    """

    code = "invalid_key"
    status = 401


class MissingScope(Refusal):
    """The API key does not have the scope for this.

    Use a courier's key to bring packages and a kiosk's key to open compartments, or ask staff for a key with
    the scope.
    """

    code = "missing_scope"
    status = 403


def note_failure(request: HttpRequest, why: str) -> None:
    """Log why a key was refused, and count it. Raises `RateLimited` after too many."""
    logger.warning("API key refused: %s (from %s)", why, client_address(request))
    rate_limits.count_failed_key(request)


ExtraQueryOf = Callable[[HttpRequest], ExtraQuery | None]


def no_extra_query(request: HttpRequest) -> None:
    """Combine no query with the key look-up: the default."""
    return


class KeyAuth(HttpBearer):
    """Accept keys with one of `scopes`. The log says why a key was refused, the answer does not.

    `extra_query`: what the call is going to read, to be combined with the key look-up (`checking.verify`).
    """

    refusals: tuple[type[Refusal], ...] = (InvalidKey, MissingScope, rate_limits.RateLimited)

    def __init__(self, *scopes: ApiKey.Scope, extra_query: ExtraQueryOf = no_extra_query) -> None:
        super().__init__()
        self.scopes = frozenset(scopes)
        self.extra_query = extra_query

    def __call__(self, request: HttpRequest) -> Any:
        """Return the caller. Raises as `authenticate` does."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidKey
        return self.authenticate(request, token.strip())

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Return the caller. Raises `InvalidKey`, `MissingScope` and `RateLimited`."""
        caller, why = verify(
            token,
            now=timezone.now(),
            client_address=lambda: client_address(request),
            extra_query=self.extra_query(request),
        )
        if caller is None:
            note_failure(request, why)
            raise InvalidKey
        rate_limits.count_call(request, caller)
        if not self.scopes & caller.scopes:
            raise MissingScope
        return caller


class LocationBoundKey(Refusal):
    """An API key that is bound to locations cannot do this.

    Use a key of yours that is not bound to locations: this call concerns all of them.
    """

    code = "location_bound_key"
    status = 403


class UnboundKeyAuth(KeyAuth):
    """Accept only keys that are not bound to locations."""

    refusals = (*KeyAuth.refusals, LocationBoundKey)

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Return the caller. Raises `LocationBoundKey` as well."""
        caller = super().authenticate(request, token)
        if caller.actor.location_ids:
            raise LocationBoundKey
        return caller


courier_key = KeyAuth(ApiKey.Scope.PACKAGES)
unbound_courier_key = UnboundKeyAuth(ApiKey.Scope.PACKAGES)
kiosk_key = KeyAuth(ApiKey.Scope.PICKUP)
any_key = KeyAuth(ApiKey.Scope.PACKAGES, ApiKey.Scope.PICKUP)
