"""What the portal refuses to do with locations and compartments."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownLocation(Refusal):
    """There is no such location.

    Look for its code with `GET /locations`. A kiosk knows its own location only.
    """

    code = "unknown_location"
    status = 404


class UnknownCompartment(Refusal):
    """There is no such compartment.

    Take the `id` of a package's `compartment`; a kiosk's key sees its own location's only.
    """

    code = "unknown_compartment"
    status = 404


class CompartmentInUse(Refusal):
    """The compartment holds a package or is reserved for one.

    It was given to another package meanwhile: call the location's managers.
    """

    code = "compartment_in_use"


class NotOutOfService(Refusal):
    """The compartment is in service.

    Somebody has put it back meanwhile: there is nothing to repair.
    """

    code = "not_out_of_service"


class NoRepairPlanned(Refusal):
    """No repair is planned for this compartment.

    Say first when it is to be back.
    """

    code = "no_repair_planned"
