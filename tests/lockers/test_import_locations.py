"""`manage.py import_locations`: all rows or none, and the same file again changes nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from common.csv_table import Row
from lockers import importing
from lockers.importing import COLUMNS
from lockers.layout import lay_out, parse
from lockers.models import Compartment, Location, Locker, Membership, Size
from lockers.zones import countries, zones_by_country
from tests.world import make_location

pytestmark = pytest.mark.django_db

# The network of Omniva, where a copy of its list lies beside the checkout.
REAL_FILE = Path(__file__).parents[3] / "shared" / "data" / "locations.csv"

HEADER = ",".join(COLUMNS)
TALLINN = "EE-1,Sikupilli,EE,Harju maakond,Tallinn,Tartu mnt 87,59.426,24.785"
RIGA = "LV-1,Alfa / tirdzniecības centrs,LV,,,,56.98,24.20"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "places.csv"


def run(file: Path, *lines: str, **options: Any) -> tuple[str, str]:
    """Run the command and return its stdout and stderr."""
    if lines:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    call_command("import_locations", str(file), stdout=out, stderr=err, **options)
    return out.getvalue().strip(), err.getvalue()


def refused(file: Path, *lines: str, **options: Any) -> str:
    """Return the error of the command, after checking that nothing was changed."""
    before = snapshot()
    with pytest.raises(CommandError) as refusal:
        run(file, *lines, **options)
    assert snapshot() == before
    return str(refusal.value)


def snapshot() -> tuple[list[Any], ...]:
    return tuple(list(model.objects.order_by("pk").values()) for model in (Location, Locker, Compartment))


def test_new_locations_with_their_compartments(file: Path) -> None:
    out, _ = run(file, HEADER, TALLINN, RIGA, layout="2/1/1")
    assert out == "2 new (8 compartments), 0 changed, 0 unchanged."
    tallinn = Location.objects.get(code="EE-1")
    assert (tallinn.name, tallinn.region, tallinn.city) == ("Sikupilli", "Harju maakond", "Tallinn")
    assert (tallinn.latitude, tallinn.longitude) == (59.426, 24.785)
    assert (tallinn.time_zone, tallinn.strategy, tallinn.hold_days) == ("Europe/Tallinn", "best_fit", 3)
    riga = Location.objects.get(code="LV-1")
    assert (riga.name, riga.city, riga.time_zone) == ("Alfa / tirdzniecības centrs", "", "Europe/Riga")
    for location in (tallinn, riga):
        sizes = sorted(location.compartments.values_list("size", flat=True))
        assert sizes == [Size.SMALL, Size.SMALL, Size.MEDIUM, Size.LARGE]


def test_sixty_compartments_by_default(file: Path) -> None:
    run(file, HEADER, TALLINN)
    assert Compartment.objects.count() == 60


def test_the_same_file_again_changes_nothing(file: Path) -> None:
    run(file, HEADER, TALLINN, RIGA)
    before = snapshot()
    out, _ = run(file)
    assert out == "0 new, 0 changed, 2 unchanged."
    assert snapshot() == before


def test_changed_rows_keep_their_compartments_and_settings(file: Path) -> None:
    run(file, HEADER, TALLINN, RIGA, layout="1/1/1")
    location = Location.objects.get(code="EE-1")
    location.strategy, location.hold_days, location.time_zone = "first_available", 7, "Europe/Helsinki"
    location.save()
    location.suspend(reason="storm", now=timezone.now())
    doors = list(Compartment.objects.values())
    out, _ = run(
        file,
        HEADER,
        TALLINN.replace("Sikupilli", "Ülemiste").replace("59.426", "59.42"),
        RIGA,
        layout="5/5/5",
    )
    assert out == "0 new, 1 changed, 1 unchanged."
    location.refresh_from_db()
    assert (location.name, location.latitude) == ("Ülemiste", 59.42)
    assert (location.strategy, location.hold_days, location.time_zone) == (
        "first_available",
        7,
        "Europe/Helsinki",
    )
    assert location.suspended_reason == "storm"
    assert list(Compartment.objects.values()) == doors


def test_locations_outside_the_file_stay(file: Path) -> None:
    other = make_location("OTHER")
    Membership.objects.create(user=User.objects.create_user("mari"), location=other)
    run(file, HEADER, TALLINN)
    other.refresh_from_db()
    assert other.compartments.count() == 6
    assert other.memberships.count() == 1


def test_a_location_that_moved_abroad_keeps_that_countrys_time(file: Path) -> None:
    run(file, HEADER, TALLINN)
    run(file, HEADER, TALLINN.replace(",EE,", ",LT,"))
    assert Location.objects.get().time_zone == "Europe/Vilnius"


def test_coordinates_may_be_missing(file: Path) -> None:
    run(file, HEADER, "EE-1,Sikupilli,EE,,,,,")
    assert Location.objects.get().latitude is None


def test_spreadsheet_of_a_country_with_decimal_commas(file: Path) -> None:
    run(file, HEADER.replace(",", ";"), "EE-1;Sikupilli;EE;;Tallinn;Tartu mnt 87, 1. korrus;59,426;24,785")
    location = Location.objects.get()
    assert (location.latitude, location.longitude) == (59.426, 24.785)
    assert location.address == "Tartu mnt 87, 1. korrus"


def test_formulas_stay_text(file: Path) -> None:
    run(file, HEADER, 'EE-1,"=HYPERLINK(""http://evil.example"",""x"")",EE,,,,,')
    assert Location.objects.get().name == '=HYPERLINK("http://evil.example","x")'


def test_dry_run(file: Path) -> None:
    run(file, HEADER, TALLINN)
    before = snapshot()
    out, _ = run(file, HEADER, TALLINN.replace("Sikupilli", "Ülemiste"), RIGA, dry_run=True)
    assert out == "Dry run, nothing was changed: 1 new (60 compartments), 1 changed, 0 unchanged."
    assert snapshot() == before
    assert "line 2, name" in refused(file, HEADER, "EE-1,,EE,,,,,", dry_run=True)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (",x,EE,,,,,", "line 3, code: This field cannot be blank."),
        ("A B,x,EE,,,,,", "line 3, code: Enter a valid value."),
        ("4.82E+12,x,EE,,,,,", "line 3, code: '4.82E+12' looks like a long number"),
        (f"{'x' * 41},x,EE,,,,,", "line 3, code: Ensure this value has at most 40 characters"),
        ("A,,EE,,,,,", "line 3, name: This field cannot be blank."),
        (f"A,{'x' * 201},EE,,,,,", "line 3, name: Ensure this value has at most 200 characters"),
        ("A,x,,,,,,", "line 3, country: This field cannot be blank."),
        ("A,x,ee,,,,,", "line 3, country: Enter a valid value."),
        ("A,x,EST,,,,,", "line 3, country: "),
        ("A,x,ZZ,,,,,", "line 3, country: 'ZZ' is not a country code of ISO 3166-1"),
        ("A,x,US,,,,,", "line 3, country: US has 29 time zones; choose one with --time-zone"),
        ("A,x,EE,,,,91,0", "line 3, latitude: 91.0 is not between -90 and 90"),
        ("A,x,EE,,,,0,-180.5", "line 3, longitude: -180.5 is not between -180 and 180"),
        ("A,x,EE,,,,59.4,", "line 3, latitude: latitude and longitude must both be given"),
        ("A,x,EE,,,,,24.7", "line 3, latitude: latitude and longitude must both be given"),
        ("A,x,EE,,,,nan,24.7", "line 3, latitude: 'nan' is not a number of degrees"),
        ("A,x,EE,,,,1e1,24.7", "line 3, latitude: '1e1' looks like a long number "),
        ("A,x,EE,,,,59.430.318,24.7", "line 3, latitude: '59.430.318' is not a number"),
        ('A,x,EE,,,,"59,4","24,7"', "line 3, latitude: '59,4' is not a number"),
        ("A,x,EE,,,,59.4,inf", "line 3, longitude: 'inf' is not a number"),
        ("A,x\0,EE,,,,,", "line 3, name: contains a control character"),
        ("EE-1,again,EE,,,,,", "line 3, code: 'EE-1' is already in line 2"),
        ("A,x,EE,,,,1", "line 3: has 7 cells, but the header has 8"),
    ],
)
def test_one_bad_row_stops_all(file: Path, row: str, told: str) -> None:
    text = refused(file, HEADER, TALLINN, row)
    assert text.startswith("Nothing was imported:\n  " + told)
    assert not Location.objects.exists()


def test_every_bad_row_is_reported(file: Path) -> None:
    lines = [f"A {number},x,EE,,,," + ",1" for number in range(150)]
    text = refused(file, HEADER, *lines)
    assert text.count("line ") == 100
    assert text.endswith("… and 50 more")


@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Kathmandu"])
def test_time_zone_for_countries_with_several(file: Path, zone: str) -> None:
    run(file, HEADER, "US-1,x,US,,,,,", TALLINN, time_zone=zone)
    assert Location.objects.get(code="US-1").time_zone == zone
    assert Location.objects.get(code="EE-1").time_zone == "Europe/Tallinn"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "+02:00"])
def test_bad_time_zone(file: Path, zone: str) -> None:
    assert "--time-zone" in refused(file, HEADER, TALLINN, time_zone=zone)


@pytest.mark.parametrize("text", ["", "20", "0/0/0", "-1/1/1", "9999/1/1"])
def test_bad_layout(file: Path, text: str) -> None:
    assert refused(file, HEADER, TALLINN, layout=text).startswith("--layout: ")


def test_no_file(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.csv")


def test_somebody_adds_the_same_code_in_the_meantime(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importing._plan

    def plan_and_lose(rows: list[Row], zone: str | None) -> importing.Plan:
        plan = real(rows, zone)
        Location.objects.create(code="EE-1", name="faster", country="EE")
        return plan

    monkeypatch.setattr(importing, "_plan", plan_and_lose)
    with pytest.raises(CommandError, match="in the meantime"):
        run(file, HEADER, TALLINN)
    assert not Compartment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_import_at_a_time(file: Path) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('lockers.import_locations'))")
        assert "Another import is running" in refused(file, HEADER, TALLINN)
    finally:
        other.close()
    assert run(file)[0].startswith("1 new")


@pytest.mark.django_db(transaction=True)
def test_all_or_nothing_when_it_fails_halfway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BATCH", 2)
    rows = [
        Row(
            number,
            {**dict.fromkeys(COLUMNS, ""), "code": f"EE-{number}", "name": "x", "country": "EE"},
            decimal_comma=False,
        )
        for number in range(6)
    ]

    def die(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importing.import_locations(rows, compartments=lay_out(parse("1/1/1")), progress=die)
    assert snapshot() == ([], [], [])
    importing.import_locations(rows, compartments=lay_out(parse("1/1/1")))
    assert Compartment.objects.count() == 18


def test_three_hundred_rows_with_progress(file: Path) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened, delimiter=";")
        writer.writerow(COLUMNS)
        for number in range(1, 301):
            country = ("EE", "LV", "LT", "PL")[number % 4]
            writer.writerow(
                [
                    f"{country}-{number}",
                    f"Ž {number}; õ",
                    country,
                    "",
                    "Ö" * 100,
                    "",
                    number / 10,
                    -number / 2,
                ]
            )
    out, err = run(file)
    assert out == "300 new (18,000 compartments), 0 changed, 0 unchanged."
    assert err.splitlines() == ["Read 300 rows.", "300 of 300 locations"]
    assert run(file, verbosity=0) == ("0 new, 0 changed, 300 unchanged.", "")
    assert set(Location.objects.values_list("country", "time_zone")) == {
        ("EE", "Europe/Tallinn"),
        ("LV", "Europe/Riga"),
        ("LT", "Europe/Vilnius"),
        ("PL", "Europe/Warsaw"),
    }


@pytest.mark.skipif(not REAL_FILE.is_file(), reason=f"{REAL_FILE.name} does not lie beside this checkout")
def test_the_real_network(tmp_path: Path) -> None:
    out, _ = run(REAL_FILE)
    assert out == "1,290 new (77,400 compartments), 0 changed, 0 unchanged."
    assert run(REAL_FILE)[0] == "0 new, 0 changed, 1,290 unchanged."
    assert Compartment.objects.filter(size=Size.LARGE).count() == 25_800
    assert not Location.objects.filter(latitude=None).exists()
    assert set(Location.objects.values_list("time_zone", flat=True)) == {
        "Europe/Tallinn",
        "Europe/Riga",
        "Europe/Vilnius",
    }


class TestZones:
    def test_from_the_time_zone_database(self) -> None:
        assert zones_by_country()["EE"] == ["Europe/Tallinn"]
        assert len(zones_by_country()["US"]) > 20
        assert {"EE", "US", "NP", "BV"} <= countries()
        assert not {"XX", "ZZ", ""} & countries()

    def test_every_zone_is_one(self) -> None:
        for zones in zones_by_country().values():
            for zone in zones:
                assert ZoneInfo(zone).key == zone
