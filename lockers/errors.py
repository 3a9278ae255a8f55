"""Refusals: what the portal will not do, each with a stable code that a program can act on."""

from __future__ import annotations


class Refusal(Exception):
    """Base of all refusals; nothing was changed when one is raised.

    `code` is part of the API's contract, `status` is its HTTP status, the docstring's first line its title.
    """

    code = "refused"
    status = 409

    def __init__(self, detail: str = "", **facts: object) -> None:
        self.title = (type(self).__doc__ or "").splitlines()[0]
        self.detail = detail or self.title
        self.facts = facts
        super().__init__(self.detail)


class UnknownLocation(Refusal):
    """There is no such location."""

    code = "unknown_location"
    status = 404


class UnknownCompartment(Refusal):
    """There is no such compartment."""

    code = "unknown_compartment"
    status = 404


class CompartmentInUse(Refusal):
    """The compartment holds a package or is reserved for one."""

    code = "compartment_in_use"


class BusyTryAgain(Refusal):
    """Every free compartment is being claimed at this moment; try again at once."""

    code = "busy"
    status = 503
