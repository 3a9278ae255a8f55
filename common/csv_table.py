"""Read a CSV file and collect every error with its line and column.

The delimiter is a comma or a semicolon. Any line endings are accepted, with or without a byte order mark. The
encoding must be UTF-8.
"""

from __future__ import annotations

import csv
import io
import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 100_000_000
MOST_ROWS = 100_000

_SAVE_AS_UTF8 = "is not UTF-8; save it as “CSV UTF-8” and try again"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_EXCEL_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE | re.ASCII)
_EXCEL_DATE = re.compile(
    rf"[0-9]{{1,2}}-{_MONTH}(?:-[0-9]{{2,4}})?|{_MONTH}-[0-9]{{2}}", re.IGNORECASE | re.ASCII
)
_EXCEL_ERROR = re.compile(r"#(?:N/A|NAME\?|VALUE!|REF!|DIV/0!|NUM!|NULL!|#+)")


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """An error and its place. Line 0 means the whole file, an empty column the whole line."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "the file"
        return f"{place}, {self.column}: {self.reason}" if self.column else f"{place}: {self.reason}"


class TableError(ValueError):
    """The file has errors; `complaints` lists all of them."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        self.complaints = sorted(complaints)
        super().__init__("; ".join(map(str, self.complaints[:3])))


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a line by column, stripped. `decimal_comma` is true in files with semicolons."""

    line: int
    cells: dict[str, str]
    decimal_comma: bool


def read(path: Path, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a file with exactly these columns, in any order. Raises `TableError`."""
    text = _text(path)
    delimiter = _delimiter(text)
    records = _records(text, delimiter)
    if not records:
        raise _refused("is empty")
    (_, header), *body = records
    names = [name.strip().lower() for name in header]
    _check_header(names, columns)
    if not body:
        raise _refused("has a header and no rows")
    complaints: list[Complaint] = []
    rows = []
    for line, cells in body:
        if len(cells) != len(names):
            complaints.append(Complaint(line, "", f"has {len(cells)} cells, but the header has {len(names)}"))
            continue
        by_column = {name: _clean(cell) for name, cell in zip(names, cells, strict=True)}
        complaints += [
            Complaint(line, name, reason) for name, cell in by_column.items() if (reason := _damage(cell))
        ]
        rows.append(Row(line, by_column, decimal_comma=delimiter == ";"))
    if complaints:
        raise TableError(complaints)
    return rows


def _text(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _refused("is not a regular file")
        if status.st_size > MOST_BYTES:
            raise _refused(f"has {status.st_size:,} bytes; the maximum is {MOST_BYTES:,}")
        raw = path.read_bytes()
    except OSError as error:
        raise _refused(f"cannot be read: {error.strerror}") from None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or raw[:1000].count(b"\0") > 100:
        raise _refused(_SAVE_AS_UTF8)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TableError([Complaint(line, "", _SAVE_AS_UTF8)]) from None


def _delimiter(text: str) -> str:
    header = text[:10_000].lstrip().splitlines()[:1]
    return ";" if header and header[0].count(";") > header[0].count(",") else ","


def _records(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the lines that are not blank, each with its line number in an editor."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = []
    line = 1
    try:
        for cells in reader:
            if any(cells):
                records.append((line, cells))
            if len(records) > MOST_ROWS + 1:
                raise _refused(f"has more than {MOST_ROWS:,} rows; split it")
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError([Complaint(line, "", f"is not valid CSV: {error}")]) from None
    return records


def _check_header(names: Sequence[str], columns: Sequence[str]) -> None:
    complaints = [Complaint(1, name, "is missing") for name in columns if name not in names]
    complaints += [
        Complaint(
            1, name or "(no name)", f"is not a column of this file; the columns are {', '.join(columns)}"
        )
        for name in sorted(set(names) - set(columns))
    ]
    complaints += [Complaint(1, name, "appears twice") for name in columns if names.count(name) > 1]
    if complaints:
        raise TableError(complaints)


def _clean(cell: str) -> str:
    """Return the cell with composed letters, so that a name is the same text from every system."""
    return unicodedata.normalize("NFC", cell.strip())


def _damage(cell: str) -> str:
    if _CONTROL.search(cell):
        return "contains a control character"
    if _EXCEL_NUMBER.fullmatch(cell):
        return (
            f"{cell!r} looks like a long number that a spreadsheet has shortened; format the column as text"
        )
    if _EXCEL_DATE.fullmatch(cell):
        return f"{cell!r} looks like a date that a spreadsheet has made of a value; format the column as text"
    if _EXCEL_ERROR.fullmatch(cell):
        return f"{cell!r} is an error message of a spreadsheet, not a value"
    return ""


def _refused(reason: str) -> TableError:
    return TableError([Complaint(0, "", reason)])
