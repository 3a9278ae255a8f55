"""`manage.py import_locations FILE.csv`: import locations with their compartments from a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from common import csv_table
from lockers import layout
from lockers.importing import COLUMNS, ImportRunning, Plan, import_locations
from lockers.models.location import validate_time_zone

_MOST_COMPLAINTS = 100
_PROGRESS_EVERY = 500


class Command(BaseCommand):
    """Import locations from a CSV file."""

    help = (
        "Import locations from a CSV file (UTF-8, comma or semicolon) with the columns "
        f"{', '.join(COLUMNS)}. All rows are imported, or none. New locations get compartments; known ones "
        "(by code) get the name, address and coordinates of the file. The same file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--layout",
            default=layout.DEFAULT,
            help=f"Compartments of each new location, {layout.SIZE_NAMES} (default: %(default)s)",
        )
        parser.add_argument(
            "--time-zone", help="For countries that have several time zones, such as America/Chicago"
        )
        parser.add_argument("--dry-run", action="store_true", help="Check everything and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the import and report what it did."""
        compartments = self._compartments(options["layout"])
        time_zone = self._time_zone(options["time_zone"])
        self.verbosity = options["verbosity"]
        try:
            rows = csv_table.read(Path(options["file"]), COLUMNS)
            self._tell(f"Read {len(rows):,} rows.")
            plan = import_locations(
                rows,
                compartments=compartments,
                time_zone=time_zone,
                dry_run=options["dry_run"],
                progress=self._progress,
            )
        except csv_table.TableError as error:
            raise self._refusal(error) from None
        except ImportRunning:
            raise CommandError("Another import is running. Nothing was changed.") from None
        except IntegrityError:
            raise CommandError(
                "Somebody has added one of these locations in the meantime. Nothing was changed. Try again."
            ) from None
        self.stdout.write(_summary(plan, len(compartments), dry_run=options["dry_run"]))

    def _compartments(self, text: str) -> list[layout.PlannedCompartment]:
        try:
            return layout.lay_out(layout.parse(text))
        except layout.LayoutError as error:
            raise CommandError(f"--layout: {error}") from None

    def _time_zone(self, value: str | None) -> str | None:
        try:
            if value is not None:
                validate_time_zone(value)
        except ValidationError as error:
            raise CommandError(f"--time-zone: {error.messages[0]}") from None
        return value

    def _refusal(self, error: csv_table.TableError) -> CommandError:
        shown = [f"  {complaint}" for complaint in error.complaints[:_MOST_COMPLAINTS]]
        if len(error.complaints) > _MOST_COMPLAINTS:
            shown.append(f"  … and {len(error.complaints) - _MOST_COMPLAINTS:,} more")
        return CommandError("\n".join(["Nothing was imported:", *shown]))

    def _progress(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self._tell(f"\r{done:,} of {total:,} locations", ending="\n" if done == total else "")
        elif total and (done == total or done % _PROGRESS_EVERY == 0):
            self._tell(f"{done:,} of {total:,} locations")

    def _tell(self, text: str, ending: str = "\n") -> None:
        if self.verbosity > 0:
            self.stderr.write(text, style_func=str, ending=ending)
            self.stderr.flush()


def _summary(plan: Plan, compartments: int, *, dry_run: bool) -> str:
    new = f"{len(plan.new):,} new"
    if plan.new:
        new += f" ({len(plan.new) * compartments:,} compartments)"
    text = f"{new}, {len(plan.changed):,} changed, {plan.unchanged:,} unchanged."
    return f"Dry run, nothing was changed: {text}" if dry_run else text
