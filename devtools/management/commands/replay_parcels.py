"""`manage.py replay_parcels` sends the parcels of a file through the real API and accounts for each."""

from __future__ import annotations

import secrets
import time
from argparse import ArgumentTypeError
from collections import Counter
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from common.clock import database_now
from devtools.replay import outcome
from devtools.replay.client import Tally, Unanswered
from devtools.replay.day import Day
from devtools.replay.keys import Keys, keys
from devtools.replay.parcels import FileError, Parcel, read
from packages_app.invariants import audit


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def _require_portal(url: str) -> None:
    """Check that the portal runs: later it may be unavailable for a while. Raises `CommandError`."""
    try:
        urlopen(f"{url}/livez", timeout=5).close()  # noqa: S310 - the developer's own URL
    except (OSError, ValueError, HTTPException) as error:
        raise CommandError(f"The portal does not answer at {url}: {error}") from None


class Command(BaseCommand):
    """Replays the parcels of a file through the API."""

    help = (
        "Drops off the parcels of a CSV file at all open locations and picks them up, over HTTP, as couriers "
        "and kiosks do. Some are canceled, some are left to expire and returned. The portal, its worker "
        "and its beat must be running (make run) on this database. Reports the outcome of every parcel and "
        "every message, and what the audit finds; the exit status is 1 if anything is not accounted for. "
        "Development only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, help="tracking_number,weight_g,length_mm,width_mm,height_mm")
        parser.add_argument(
            "--url",
            default=settings.PUBLIC_URL or "http://127.0.0.1:8000",
            help="where the portal is (default: PUBLIC_URL, which `make run` sets)",
        )
        parser.add_argument(
            "--concurrency", type=_whole, default=16, help="couriers and kiosks at the same time"
        )
        parser.add_argument("--limit", type=_whole, help="largest number of parcels")
        parser.add_argument(
            "--sweep-wait", type=_whole, default=120, help="seconds to wait for the expiry sweep"
        )
        parser.add_argument(
            "--message-wait",
            type=_whole,
            default=60,
            help="seconds to wait for messages that make no progress",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the replay. Raises `CommandError` outside development, for a bad file and for loose ends."""
        if not settings.DEBUG:
            raise CommandError(
                "A replay creates keys and shortens holds: it is for development (DEBUG=true) only."
            )
        try:
            parcels = read(options["file"], limit=options["limit"])
        except (OSError, UnicodeDecodeError, FileError) as error:
            raise CommandError(str(error)) from None
        begun, mailbox_from = database_now(), outcome.mailbox_size()
        run = secrets.token_hex(4)
        try:
            with keys(run) as run_keys:
                if not run_keys.open_locations:
                    raise CommandError("There is no open location with an available compartment.")
                _require_portal(options["url"])
                faults = self._replay(parcels, run_keys, run, begun, mailbox_from, options)
        except (OperationalError, InterfaceError):
            raise CommandError(
                "The database became unavailable: the outcome is unknown, and parcels may be in compartments."
            ) from None
        if faults:
            raise CommandError("Not accounted for: " + "; ".join(faults))
        self.stdout.write(self.style.SUCCESS("Every parcel and every message is accounted for."))

    def _replay(
        self,
        parcels: list[Parcel],
        run_keys: Keys,
        run: str,
        begun: datetime,
        mailbox_from: int,
        options: dict[str, Any],
    ) -> list[str]:
        """Run the replay and return what is not accounted for."""
        threads, tally, started = options["concurrency"], Tally(), time.monotonic()
        room = f"{run_keys.free_doors:,} available compartments at {len(run_keys.open_locations):,} locations"
        self._say(f"{len(parcels):,} parcels, {room}")
        day = Day(url=options["url"], run=run, keys=run_keys, parcels=parcels, tally=tally)
        try:
            more = True
            while more:
                day.drive(threads=threads, every=3, progress=lambda: self._progress(parcels, tally, started))
                self._let_expire(day.staying, options["sweep_wait"])
                day.take_back(threads=threads)
                more = day.next_day()
        except Unanswered as error:
            raise CommandError(f"The portal does not answer at {options['url']}: {error}") from None
        seconds = time.monotonic() - started
        rate = f"{tally.calls / seconds:,.0f} a second"
        self._say(f"{tally.calls:,} calls in {seconds:.0f} s ({rate}). Waiting for the messages …")
        rows = outcome.messages_since(begun, run_keys.courier_id)
        outcome.wait_for_messages(rows, seconds=options["message_wait"], say=self._say)
        faults = self._report_parcels(parcels)
        self._report_calls(tally)
        if tally.faults:
            faults.append(f"{tally.faults:,} answers were errors of the portal")
        faults += self._report_messages(outcome.mail(rows, mailbox_from=mailbox_from))
        return faults + self._report_audit()

    def _let_expire(self, staying: list[Parcel], seconds: int) -> None:
        ended = outcome.end_holds(staying)
        if not ended:
            return
        self._say(f"{ended:,} parcels stay: their holds were ended in the database; waiting for the sweep …")
        begun = time.monotonic()
        left = outcome.wait_for_sweep(staying, seconds=seconds)
        if left:
            self._say(self.style.ERROR(f"{left:,} are still STORED after {seconds} s. Is beat running?"))
        else:
            self._say(f"  swept after {time.monotonic() - begun:.0f} s")

    # --- reporting ---

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _progress(self, parcels: list[Parcel], tally: Tally, started: float) -> None:
        dropped_off = sum(1 for parcel in parcels if parcel.package_id)
        ended = Counter(parcel.outcome for parcel in parcels)
        rate = tally.calls / (time.monotonic() - started)
        self._say(
            f"  dropped off {dropped_off:,} · picked up {ended['collected']:,}"
            f" · too large {ended['fits nothing']:,} · {tally.calls:,} calls ({rate:,.0f} a second)"
            f" · 5xx {tally.server_errors.total()}"
        )

    def _report_parcels(self, parcels: list[Parcel]) -> list[str]:
        ended = Counter(parcel.outcome or "unknown" for parcel in parcels)
        self._say("\nParcels")
        for end, count in ended.most_common():
            self._say(f"  {count:>7,}  {end}")
        self._say(f"  {len(parcels):>7,}  in total")
        # "refused: …" is a proper outcome; any other unknown one is a loose end.
        known = {"collected", "returned", "fits nothing"}
        loose = [
            f"{parcel.number}: {parcel.outcome or 'unknown'}"
            for parcel in parcels
            if parcel.outcome not in known and not parcel.outcome.startswith("refused: ")
        ]
        loose += [f"{parcel.number}: {fault}" for parcel in parcels for fault in parcel.faults]
        loose += outcome.wrong_rows(parcels)
        for line in loose[:20]:
            self._say(self.style.ERROR(f"  {line}"))
        return [f"{len(loose):,} parcels or answers"] if loose else []

    def _report_calls(self, tally: Tally) -> None:
        self._say(f"\n{'Calls':<18}{'count':>9}{'p50 ms':>10}{'p99 ms':>10}")
        for call, values in sorted(tally.milliseconds.items()):
            ranked = sorted(values)
            p50, p99 = (ranked[min(len(ranked) - 1, int(len(ranked) * part))] for part in (0.5, 0.99))
            self._say(f"  {call:<16}{len(values):>9,}{p50:>10.1f}{p99:>10.1f}")
        self._say("\nRefusals by code")
        for code, count in tally.refusals.most_common() or [("none", 0)]:
            self._say(f"  {count:>7,}  {code}")
        errors = ", ".join(f"{count} times {call}" for call, count in tally.server_errors.items())
        self._say(f"  {tally.server_errors.total():>7,}  answers 5xx {errors}")
        self._say(f"  {tally.lost_connections:>7,}  connections lost before an answer")

    def _report_messages(self, mail: outcome.Mail) -> list[str]:
        self._say("\nMessages")
        for status, count in mail.statuses.most_common():
            self._say(f"  {count:>7,}  {status}")
        for reason, count in mail.reasons.most_common():
            self._say(f"           {count:,}: {reason}")
        where = "not checked: messages go elsewhere" if mail.missing is None else f"{mail.missing:,} missing"
        self._say(f"  {mail.due:>7,}  due; in the mailbox file {where}, {mail.twice:,} duplicates")
        return [] if mail.sound else [f"messages: {mail.due:,} due, {mail.sent:,} sent, {where}"]

    def _report_audit(self) -> list[str]:
        begun = time.monotonic()
        broken = []
        for finding in audit.run():
            for row in finding.rows[:5]:
                self._say(self.style.ERROR(f"  {finding.invariant.id} {row}"))
            if finding.violations:
                broken.append(f"{finding.violations:,} of {finding.invariant.id}")
        summary = ", ".join(broken) or "nothing"
        self._say(f"\nThe audit found {summary} in {time.monotonic() - begun:.1f} s.")
        return [f"audit: {summary}"] if broken else []
