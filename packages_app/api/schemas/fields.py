"""Field types that the schemas share. Requests are strict: unknown fields and wrong types are rejected."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from common.languages import language_codes
from lockers.schemas import PrintableText, Text

# From the year 2000 on: such a time exists in UTC too, whatever its offset.
_MOMENT = re.compile(r"\A2\d{3}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})\Z")


def _email(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise ValueError("must be an email address") from None
    return value


def _phone(value: str) -> str:
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        raise ValueError("must be an E.164 phone number, such as +3725551234") from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if e164 != value or not phonenumbers.is_possible_number(number):
        raise ValueError("must be an E.164 phone number, such as +3725551234")
    return value


Email = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(_email),
    Field(examples=["mari@example.com"], json_schema_extra={"format": "email"}),
]
Phone = Annotated[
    str,
    StringConstraints(max_length=16),
    AfterValidator(_phone),
    Field(description="E.164", examples=["+3725551234"], json_schema_extra={"format": "e164"}),
]
if TYPE_CHECKING:
    LanguageCode = str
else:
    LanguageCode = Literal[tuple(language_codes())]
TrackingNumber = Annotated[Text, StringConstraints(max_length=40), Field(examples=["DPD-4711"])]
ReasonText = Annotated[
    PrintableText, StringConstraints(strip_whitespace=True, max_length=200), Field(examples=["sent twice"])
]
PickupCode = Annotated[str, Field(description="As the recipient entered it", examples=["4821 7730"])]
CompartmentId = Annotated[int, Field(ge=1, lt=2**63)]
Millimetres = Annotated[int, Field(gt=0, le=10_000)]


def _rfc3339(value: object) -> object:
    """Reject what pydantic accepts but RFC 3339 does not: numbers, dates and times without an offset."""
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise ValueError("must be an RFC 3339 date-time with an offset, such as 2026-11-20T10:59:00Z")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(_rfc3339),
    Field(
        description="RFC 3339 with an offset, from the year 2000 on",
        examples=["2026-11-20T10:59:00Z"],
        json_schema_extra={"pattern": "^2"},
    ),
]


# django-ninja's own Schema also reads model instances, which no body needs, and takes five times as long.
class Strict(BaseModel):
    """A request body without unknown fields or silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


PackageId = Annotated[str, Field(examples=["0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11"])]
TrackingNumberOut = Annotated[str, Field(examples=["DPD-4711"])]
