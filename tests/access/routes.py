"""Every address of the portal, read from the URL conf; the methods of API calls from the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from lockerportal.http.api import api

API = "api/v1/"
ADMIN = "admin/"
DECLARED: dict[str, Any] = api.get_openapi_schema()["paths"]


def addresses(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """`manage/packages/<uuid:pk>/extend/`, …; each once."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)


def api_calls() -> set[str]:
    """`POST /packages/{package_id}/deposit`, …; what the document does not declare can be read with GET."""
    calls = set()
    for address in addresses():
        if address.startswith(API):
            path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", address.removeprefix(API))
            methods = DECLARED.get(f"/{API[:-1]}{path}", {"get": None})
            calls |= {f"{method.upper()} {path}" for method in methods}
    return calls


def pages() -> set[str]:
    """`GET /manage/`, `POST /manage/`, …: a page says for both what it answers."""
    found = {address for address in addresses() if not address.startswith((API, ADMIN))}
    return {f"{method} /{address}" for address in found for method in ("GET", "POST")}


def admin_pages() -> list[str]:
    """The admin's addresses, with 1 for every id."""
    found = [re.sub(r"<[\w:]+>", "1", address) for address in addresses() if address.startswith(ADMIN)]
    return sorted(f"/{address}" for address in found if not re.search(r"[\^$(]", address))
