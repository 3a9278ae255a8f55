"""Refusals of operations on locations and compartments."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownLocation(Refusal):
    """There is no such location.

    Find its code with `GET /locations`. A kiosk only sees its own location.
    """

    code = "unknown_location"
    status = 404


class UnknownCompartment(Refusal):
    """There is no such compartment.

    Use the `id` of a package's `compartment`. A kiosk only sees compartments of its own location.
    """

    code = "unknown_compartment"
    status = 404


class CompartmentInUse(Refusal):
    """The compartment is occupied by a package or reserved for one.

    It has been given to another package in the meantime: call the location's managers.
    """

    code = "compartment_in_use"


class NotOutOfService(Refusal):
    """The compartment is in service.

    Somebody has put it back in service in the meantime: there is nothing to repair.
    """

    code = "not_out_of_service"


class NoRepairPlanned(Refusal):
    """No repair is planned for this compartment.

    Set the date first by which it is to be back in service.
    """

    code = "no_repair_planned"
