"""CSV files, and the errors that are reported for them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from common import csv_table
from common.csv_table import Complaint, Row, TableError, read

COLUMNS = ("code", "name")
GOOD = "code,name\nA,Ärikeskus\nB,“Õ”\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "places.csv"


def rows(file: Path, content: str | bytes) -> list[Row]:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(file, COLUMNS)


def complaints(file: Path, content: str | bytes) -> list[Complaint]:
    with pytest.raises(TableError) as refusal:
        rows(file, content)
    return refusal.value.complaints


def only(file: Path, content: str | bytes) -> Complaint:
    (complaint,) = complaints(file, content)
    return complaint


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "code,name\r\nA,Ärikeskus\rB,“Õ”\n",
        GOOD.replace(",", ";"),
        "\ufeff" + GOOD.replace(",", ";").replace("\n", "\r\n"),
        "name,code\nÄrikeskus,A\n“Õ”,B\n",
        " Code , NAME \n A , Ärikeskus\t\nB,\u00a0“Õ”\n",
        'code,name\n"A","Ärikeskus"\nB,"“Õ”"\n',
        "code,name\n\nA,Ärikeskus\n,\n\nB,“Õ”\n\n",
        unicodedata.normalize("NFD", GOOD),
    ],
)
def test_all_ways_to_write_the_same_file(file: Path, content: str) -> None:
    assert [row.cells for row in rows(file, content)] == [
        {"code": "A", "name": "Ärikeskus"},
        {"code": "B", "name": "“Õ”"},
    ]


def test_line_numbers_are_those_of_an_editor(file: Path) -> None:
    found = rows(file, 'code,name\r\n\r\nA,"x, y;\r\n z"\r\nB,b\r\n'.replace("\r\n z", " z"))
    assert [row.line for row in found] == [3, 4]
    quoted = complaints(file, 'code,name\nA,"two\nlines"\nB,b,too many\n')
    assert [complaint.line for complaint in quoted] == [2, 4]


def test_formulas_stay_text(file: Path) -> None:
    texts = ["=HYPERLINK(A1)", "+372 555", "-1", "@SUM(A1:A9)", "=cmd|'/c calc'!A0"]
    found = rows(file, "code;name\n" + "".join(f"A;{text}\n" for text in texts))
    assert [row.cells["name"] for row in found] == texts


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\ufeff", "is empty"),
        ("\n\r\n", "is empty"),
        ("code,name\n", "no rows"),
        ("code,name\n,\n\n", "no rows"),
        (GOOD.encode("utf-16"), "CSV UTF-8"),
        (("code,name\n" + "A,a\n" * 200).encode("utf-16-le"), "CSV UTF-8"),
    ],
)
def test_empty_files(file: Path, content: str | bytes, reason: str) -> None:
    complaint = only(file, content)
    assert complaint.line == 0
    assert reason in complaint.reason


@pytest.mark.parametrize("encoding", ["latin-1", "cp1257", "cp1252"])
def test_other_encodings(file: Path, encoding: str) -> None:
    complaint = only(file, "code,name\nA,a\nB,Ärikeskus\n".encode(encoding))
    assert complaint.line == 3
    assert "CSV UTF-8" in complaint.reason


def test_a_spreadsheet_itself(file: Path) -> None:
    assert "CSV UTF-8" in only(file, b"PK\x03\x04\x14\x00\xff\xfe" + os.urandom(500) + b"\xff").reason


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("code", [("name", "is missing")]),
        ("code,name,colour", [("colour", "is not a column")]),
        ("code,name,name", [("name", "appears twice")]),
        ("code,name,", [("(no name)", "is not a column")]),
        (
            "A,Ärikeskus",
            [
                ("a", "is not a column"),
                ("code", "is missing"),
                ("name", "is missing"),
                ("ärikeskus", "is not a"),
            ],
        ),
    ],
)
def test_headers(file: Path, header: str, found: list[tuple[str, str]]) -> None:
    told = complaints(file, f"{header}\nA,a,x\n")
    assert [complaint.line for complaint in told] == [1] * len(found)
    for complaint, (column, reason) in zip(told, found, strict=True):
        assert complaint.column == column
        assert complaint.reason.startswith(reason)


@pytest.mark.parametrize(
    "cell",
    [
        "4.82E+12",
        "4,82E+12",
        "4.82e12",
        "1E5",
        "1-Mar",
        "12-dec-26",
        "Mar-01",
        "#REF!",
        "#N/A",
        "#NAME?",
        "#####",
    ],
)
def test_values_that_a_spreadsheet_has_damaged(file: Path, cell: str) -> None:
    complaint = only(file, f'code,name\nA,a\n"{cell}",b\n')
    assert (complaint.line, complaint.column) == (3, "code")
    assert "spreadsheet" in complaint.reason


@pytest.mark.parametrize("cell", ["E5", "1-2", "Mar", "1-Marine", "E96331", "96331", "#1", "Maria 1-3"])
def test_values_that_only_look_damaged(file: Path, cell: str) -> None:
    assert rows(file, f"code,name\n{cell},b\n")


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x07", "\x85", "\x7f"])
def test_control_characters(file: Path, character: str) -> None:
    complaint = only(file, f"code,name\nA,a{character}b\n")
    assert complaint == Complaint(2, "name", "contains a control character")


def test_all_errors_are_reported_at_once(file: Path) -> None:
    told = complaints(file, "code,name\nA\nB,b\nC,c,c\nD,\x01\n1-Mar,#REF!\n")
    assert [(complaint.line, complaint.column) for complaint in told] == [
        *[(2, ""), (4, ""), (5, "name"), (6, "code"), (6, "name")]
    ]
    assert str(told[0]) == "line 2: has 1 cells, but the header has 2"
    assert str(told[2]) == "line 5, name: contains a control character"


@pytest.mark.parametrize("content", ['code,name\nA,a\nB,"never closed\nC,c\n', 'code,name\nA,a\nB,"b"b\n'])
def test_quotes(file: Path, content: str) -> None:
    complaint = only(file, content)
    assert complaint.line == 3
    assert complaint.reason.startswith("is not valid CSV")


def test_one_huge_cell(file: Path) -> None:
    complaint = only(file, "code,name\nA," + "x" * 10_000_000 + "\n")
    assert complaint.line == 2
    assert "field larger than" in complaint.reason


def test_too_many_bytes_are_refused_unread(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(csv_table.MOST_BYTES + 1)
    with pytest.raises(TableError, match="100,000,001 bytes"):
        read(file, COLUMNS)


def test_too_many_rows(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "MOST_ROWS", 3)
    assert len(rows(file, "code,name\n" + "A,a\n" * 3)) == 3
    assert "more than 3 rows" in only(file, "code,name\n" + "A,a\n" * 4).reason


def test_no_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, reason in ((tmp_path / "none.csv", "No such file"), (tmp_path, "regular"), (fifo, "regular")):
        with pytest.raises(TableError, match=reason):
            read(path, COLUMNS)
