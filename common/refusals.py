"""Refusals: what the portal will not do, each with a stable code that a program can act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

Call = TypeVar("Call", bound=Callable[..., Any])


class Refusal(Exception):
    """Base of all refusals; nothing was changed when one is raised.

    `code` is part of the API's contract, `status` is its HTTP status. The docstring's first line is its
    title, the others say what to do about it: the page of problems shows both. `example` has the facts that
    its problem document tells besides, as they may look; `retry_after` is for how many seconds to wait
    before trying again, where that may help.
    """

    code = "refused"
    status = 409
    example: ClassVar[Mapping[str, object]] = {}
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: str = "", **facts: object) -> None:
        self.title = self.meaning()
        self.detail = detail or self.title
        self.facts = facts
        super().__init__(self.detail)

    @classmethod
    def meaning(cls) -> str:
        """Its title."""
        return (cls.__doc__ or "").splitlines()[0]

    @classmethod
    def advice(cls) -> str:
        """What to do about it, in one paragraph."""
        return " ".join((cls.__doc__ or "").split("\n", 1)[-1].split())


def refuses(*refusals: type[Refusal]) -> Callable[[Call], Call]:
    """Declares what a call of the API may refuse, besides what can be wrong with any key, id or body.

    The OpenAPI document is made from it, and no test lets a call give an answer that it does not declare.
    """

    def declare(call: Call) -> Call:
        call.refusals = refusals  # type: ignore[attr-defined]
        return call

    return declare


class BusyTryAgain(Refusal):
    """Every free compartment is being claimed at this moment; try again at once.

    Send the same request again, with the same Idempotency-Key.
    """

    code = "busy"
    status = 503
    retry_after = 1
