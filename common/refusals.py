"""Refusals: expected errors, each with a stable code for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

Call = TypeVar("Call", bound=Callable[..., Any])


class Refusal(Exception):
    """Base class of all refusals. Whoever raises one has changed nothing.

    `code` is part of the API's contract, and `status` is the HTTP status. The first line of the docstring is
    the title; the other lines say what to do about it. The page of all problems shows both. `example` has
    sample values of the further members of the problem document. `retry_after` is the number of seconds
    after which a retry may succeed.
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
        """Return the title: the first line of the docstring."""
        return (cls.__doc__ or "").splitlines()[0]

    @classmethod
    def advice(cls) -> str:
        """Return what to do about it, as one paragraph: the rest of the docstring."""
        return " ".join((cls.__doc__ or "").split("\n", 1)[-1].split())


def refuses(*refusals: type[Refusal]) -> Callable[[Call], Call]:
    """Declare the refusals of an API call, besides those that any key, id or body may cause.

    They appear in the OpenAPI document. The tests fail on a response that a call does not declare.
    """

    def declare(call: Call) -> Call:
        call.refusals = refusals  # type: ignore[attr-defined]
        return call

    return declare


class BusyTryAgain(Refusal):
    """All available compartments are being reserved at this moment; try again at once.

    Send the same request again, with the same Idempotency-Key.
    """

    code = "busy"
    status = 503
    retry_after = 1
