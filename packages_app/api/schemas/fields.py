"""What schemas are made of. Requests are strict: unknown fields and wrong types are refused."""

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

# From the year 2000 on: whatever the offset, such a moment exists in UTC too.
_MOMENT = re.compile(r"\A2\d{3}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})\Z")


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
        raise ValueError("must be a phone number in E.164, such as +3725551234") from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if e164 != value or not phonenumbers.is_possible_number(number):
        raise ValueError("must be a phone number in E.164, such as +3725551234")
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
PickupCode = Annotated[str, Field(description="As the recipient has typed it", examples=["4821 7730"])]
CompartmentId = Annotated[int, Field(ge=1, lt=2**63)]
Millimetres = Annotated[int, Field(gt=0, le=10_000)]


def _rfc3339(value: object) -> object:
    """Refuses what pydantic would read as a moment and RFC 3339 would not: numbers, dates, local times."""
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise ValueError("must be a moment in RFC 3339, such as 2026-11-20T10:59:00Z")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(_rfc3339),
    Field(
        description="RFC 3339, with its offset, from the year 2000 on",
        examples=["2026-11-20T10:59:00Z"],
        json_schema_extra={"pattern": "^2"},
    ),
]


# Not a Schema of django-ninja: that also reads model instances, which no body is, and takes five times
# as long.
class Strict(BaseModel):
    """A request body: no unknown fields, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


PackageId = Annotated[str, Field(examples=["0198f4a2-7c5e-4d7a-9b1f-2f6f0a3c9d11"])]
TrackingNumberOut = Annotated[str, Field(examples=["DPD-4711"])]
