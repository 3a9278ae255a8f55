"""The parcels of a file, and what happens to each: the same in every run."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from common.languages import language_codes

COLUMNS = ("tracking_number", "weight_g", "length_mm", "width_mm", "height_mm")
_NAMES = ("Ada Lill", "Bruno Ošs", "Dorota Wróbel", "Émile Roy", "Grete Mägi", "Jānis Ozols", "Ona Šilė")


class FileError(ValueError):
    """The file is not a list of parcels; the message says where."""


class Fate(StrEnum):
    """How the stay of a parcel ends."""

    COLLECT = "collect"
    LEAVE = "leave"  # nobody comes, so it expires and goes back
    CANCEL = "cancel"  # canceled while it is in its compartment


@dataclass(slots=True)
class Parcel:
    """A parcel. `outcome` is empty until its journey has ended."""

    number: str
    weight_g: int | None  # None if it was never weighed
    dimensions: dict[str, int]
    recipient: dict[str, str]
    fate: Fate
    reserve_first: bool
    renew_code: bool
    wrong_code: bool
    code_again: bool
    ask_twice: bool
    look: bool
    package_id: str = ""
    location: str = ""
    code: str = ""
    tries: int = 0
    outcome: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def phone_last4(self) -> str | None:
        """The digits that a kiosk may ask for."""
        return self.recipient["phone"][-4:] if "phone" in self.recipient else None


def read(file: Path, *, limit: int | None = None) -> list[Parcel]:
    """Return the parcels of the file, at most `limit`. Raises `FileError` and `OSError`."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise FileError(f"{file}: the column {missing[0]} is missing.")
        rows: Iterator[dict[str, Any]] = islice(reader, limit)
        parcels = []
        for row in rows:
            try:
                parcels.append(_parcel(row))
            except (TypeError, ValueError):
                raise FileError(f"{file}, line {reader.line_num}: not a parcel.") from None
    return parcels


def _parcel(row: dict[str, Any]) -> Parcel:
    number = row["tracking_number"].strip()
    if not number:
        raise ValueError
    chance = random.Random(number)  # noqa: S311 - the same fate in every run
    fates = chance.choices(list(Fate), weights=(88, 9, 3))
    return Parcel(
        number=number,
        weight_g=int(row["weight_g"]) or None,
        dimensions={name: int(row[name]) for name in COLUMNS[2:]},
        recipient=_recipient(number, chance),
        fate=fates[0],
        reserve_first=chance.random() < 0.10,
        renew_code=chance.random() < 0.02,
        wrong_code=chance.random() < 0.01,
        code_again=chance.random() < 0.01,
        ask_twice=chance.random() < 0.05,
        look=chance.random() < 0.03,
    )


def _recipient(number: str, chance: random.Random) -> dict[str, str]:
    recipient = {"name": chance.choice(_NAMES), "language": chance.choice(language_codes())}
    by = chance.random()
    if by < 0.75:
        recipient["email"] = f"{number.lower()}@example.com"
    if by >= 0.6:
        # This range of numbers is reserved for fiction.
        recipient["phone"] = f"+4477009{chance.randint(0, 999):05d}"
    return recipient
