"""The HTTP answer of an operation, before it is serialized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the JSON body of an answer.

    `code_of` names the pickup code that the body shows, if any, `delegate_of` the delegate in it, and
    `secret_of` the webhook's secret: id, version and the id of the server's secret, of which they are
    computed again for a repeat.
    """

    status: int
    body: dict[str, Any]
    code_of: tuple[UUID, int, int] | None = None
    secret_of: tuple[UUID, int, int] | None = None
    delegate_of: tuple[UUID, int, int] | None = None
    replayed: bool = False
