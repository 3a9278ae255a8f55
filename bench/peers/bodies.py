"""The request bodies of `packages_app/api/schemas/` in plain pydantic, for the FastAPI peer: as strict."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lockerportal.settings import COMPARTMENT_SIZES, LANGUAGES

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ud800-\udfff]")


def printable(value: str) -> str:
    if _UNPRINTABLE.search(value):
        raise ValueError("must hold printable characters only")
    return value


def _email(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise ValueError("must be an e-mail address") from None
    return value


def _phone(value: str) -> str:
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        raise ValueError("must be a phone number in E.164") from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if e164 != value or not phonenumbers.is_possible_number(number):
        raise ValueError("must be a phone number in E.164")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(printable)]
Millimetres = Annotated[int, Field(gt=0, le=10_000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Dimensions(Strict):
    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


class RecipientIn(Strict):
    name: Annotated[Text, StringConstraints(max_length=100)]
    email: Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)] | None = None
    phone: Annotated[str, StringConstraints(max_length=16), AfterValidator(_phone)] | None = None
    language: Literal[tuple(code for code, _ in LANGUAGES)] = "en"

    @model_validator(mode="after")
    def has_address(self) -> RecipientIn:
        if not self.email and not self.phone:
            raise ValueError("give an email, a phone, or both")
        return self


class AssignIn(Strict):
    location: Annotated[Text, StringConstraints(max_length=40)]
    tracking_number: Annotated[Text, StringConstraints(max_length=40)]
    size: Literal[tuple(COMPARTMENT_SIZES)] | None = None
    dimensions: Dimensions | None = None
    weight_g: Annotated[int, Field(gt=0, le=1_000_000)] | None = None
    recipient: RecipientIn
    accessible: bool = False
    deposited: bool = True
    reserve_minutes: Annotated[int, Field(ge=1, le=1440)] = 30

    @model_validator(mode="after")
    def size_or_dimensions(self) -> AssignIn:
        if (self.size is None) == (self.dimensions is None):
            raise ValueError("give either size or dimensions")
        return self


class PickupIn(Strict):
    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    phone_last4: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")] | None = None
    nonce: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")] | None = None
    compartment: Annotated[int, Field(ge=1, lt=2**63)] | None = None
