"""The replay accounts for every parcel and message, and fails if one is missing."""

from __future__ import annotations

import csv
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from common.clock import database_now
from devtools.replay import client, outcome
from devtools.replay.client import Api, Tally, Unanswered
from devtools.replay.parcels import COLUMNS, Fate, FileError, read
from lockers.models import Compartment
from notifications.delivery.people import deliver_due
from notifications.models import Notification
from packages_app import operations
from packages_app.models import ApiKey, Package
from packages_app.payloads import package_json
from tests import world

PARCELS = 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of sixty parcels; every tenth is too long for any compartment, and one was never weighed."""
    path = tmp_path / "parcels.csv"
    with path.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        for number in range(PARCELS):
            length = 900 if number % 10 == 9 else 300
            writer.writerow(
                [f"TEST{number:04d}", 0 if number == 1 else 500, length, 200, 60 + number % 3 * 100]
            )
    return path


class TestFile:
    def test_a_parcels_fate_is_the_same_in_every_run(self, file: Path) -> None:
        assert read(file) == read(file)
        assert {parcel.fate for parcel in read(file)} == set(Fate)

    def test_a_parcel_that_was_never_weighed_has_no_weight(self, file: Path) -> None:
        assert [parcel.weight_g for parcel in read(file, limit=2)] == [500, None]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "tracking_number is missing"),
            ("tracking_number,weight_g,length_mm,width_mm\n", "height_mm is missing"),
            (",".join(COLUMNS) + "\nA,1,2,3,4\nB,1,2,3\n", "line 3"),
            (",".join(COLUMNS) + "\nA,heavy,2,3,4\n", "line 2"),
            (",".join(COLUMNS) + "\n,1,2,3,4\n", "line 2"),
        ],
    )
    def test_a_malformed_file_is_refused(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "parcels.csv"
        path.write_text(text)
        with pytest.raises(FileError, match=message):
            read(path)


@contextmanager
def answering(*answers: tuple[int, str] | None) -> Iterator[tuple[str, list[str]]]:
    """Run a server that gives these answers (None: hangs up); yield its URL and the keys it received."""
    left, seen = list(answers), list[str]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["Idempotency-Key"])
            answer = left.pop(0)
            if answer is None:
                self.close_connection = True
                return
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


class TestClient:
    @pytest.fixture(autouse=True)
    def short_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "LONGEST_PAUSE_SECONDS", 0.01)

    def post(self, url: str, tally: Tally) -> client.Answer:
        with client.connected(url, tally) as api:
            return api.post("assign", "/x", key="k", body={}, idempotency_key="same")

    def test_a_server_error_and_a_lost_answer_are_retried_with_the_same_key(self) -> None:
        tally = Tally()
        with answering((503, "{}"), None, (201, '{"id": "1"}')) as (url, seen):
            answer = self.post(url, tally)
        assert (answer.status, answer.body) == (201, {"id": "1"})
        assert seen == ["same"] * 3
        assert tally.server_errors == {"assign 503": 1}
        assert tally.faults == 0
        assert tally.lost_connections == 1
        assert len(tally.milliseconds["assign"]) == tally.calls == 2

    def test_an_error_of_the_caller_is_not_retried(self) -> None:
        tally = Tally()
        with answering((409, '{"code": "location_full"}')) as (url, seen):
            assert self.post(url, tally).code == "location_full"
        assert len(seen) == 1
        assert tally.refusals == {"location_full": 1}

    def test_a_call_that_is_still_running_is_retried(self) -> None:
        with answering((409, '{"code": "idempotency_key_running"}'), (200, "{}")) as (url, seen):
            assert self.post(url, Tally()).status == 200
        assert len(seen) == 2

    def test_retries_end(self) -> None:
        with answering(*[(500, "no JSON")] * client.TRIES) as (url, seen):
            with pytest.raises(Unanswered, match="500"):
                self.post(url, Tally())
            assert len(seen) == client.TRIES

    def test_no_server_is_unanswered(self) -> None:
        with answering() as (url, _):
            pass
        with pytest.raises(Unanswered):
            Api(url, Tally()).get("get", "/x", key="k")


@pytest.fixture
def portal(transactional_db: None, live_server: Any, settings: Any, tmp_path: Path) -> str:
    """The real API over HTTP, with messages that go to a mailbox."""
    settings.DEBUG = True
    settings.NOTIFICATION_NUDGE = False
    settings.EMAIL_BACKEND = "notifications.dev.mailbox.EmailBackend"
    settings.SMS_BACKEND = "notifications.sms.mailbox.SmsBackend"
    settings.MAILBOX_FILE = tmp_path / "mailbox.jsonl"
    url: str = live_server.url
    return url


@contextmanager
def beat(*, expire: bool = True) -> Iterator[None]:
    """Do the work of worker and beat in a thread."""
    stop = threading.Event()

    def run() -> None:
        try:
            while not stop.wait(0.05):
                if expire:
                    operations.expire_due(now=database_now())
                deliver_due()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def replay(file: Path, url: str, *options: str) -> str:
    out = StringIO()
    call_command("replay_parcels", str(file), f"--url={url}", "--concurrency=4", *options, stdout=out)
    return out.getvalue()


def two_locations() -> None:
    world.make_location("TLL-1", small=6, medium=6, large=6, latitude=59.43, longitude=24.75)
    world.make_location("TLL-2", small=6, medium=6, large=6, latitude=59.42, longitude=24.70)


@pytest.mark.slow
class TestReplay:
    def test_every_parcel_is_accounted_for(self, portal: str, file: Path) -> None:
        two_locations()
        with beat():
            output = replay(file, portal)
        statuses = Counter(Package.objects.values_list("status", flat=True))
        assert set(statuses) == {"RETRIEVED", "RETURNED"}
        assert statuses.total() == PARCELS * 9 // 10
        for count, end in (
            (statuses["RETRIEVED"], "collected"),
            (statuses["RETURNED"], "returned"),
            (PARCELS // 10, "fits nothing"),
            (PARCELS, "in total"),
        ):
            assert f"{count:>7,}  {end}\n" in output
        assert f"{PARCELS // 10:>7,}  fits_no_compartment\n" in output
        assert "      0  answers 5xx" in output
        assert "The audit found nothing" in output
        assert "Every parcel and every message is accounted for." in output
        assert set(Compartment.objects.values_list("occupancy", flat=True)) == {"empty"}
        assert set(Notification.objects.values_list("status", flat=True)) <= {"sent", "suppressed"}

    def test_its_keys_are_revoked_and_never_printed(self, portal: str, file: Path) -> None:
        two_locations()
        with beat():
            output = replay(file, portal, "--limit=5")
        assert ApiKey.objects.filter(name__startswith="replay ").count() == 3
        assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()
        assert "plk_" not in output

    def test_an_unavailable_database_ends_it_with_a_sentence(
        self, portal: str, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def ends(ids: Any, *, seconds: int) -> int:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            raise AssertionError("unreachable")

        two_locations()
        monkeypatch.setattr(outcome, "wait_for_sweep", ends)
        with beat(), pytest.raises(CommandError, match="The database became unavailable"):
            replay(file, portal)
        assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()

    def test_a_second_replay_works_too(self, portal: str, file: Path) -> None:
        two_locations()
        with beat():
            replay(file, portal, "--limit=10")
            output = replay(file, portal, "--limit=10")
        assert "Every parcel and every message is accounted for." in output

    def test_parcels_left_by_an_earlier_replay_continue(self, portal: str, file: Path) -> None:
        two_locations()
        with beat(expire=False), pytest.raises(CommandError):
            replay(file, portal, "--sweep-wait=1")
        left = Package.objects.filter(status="STORED").count()
        assert left
        with beat():
            output = replay(file, portal)
        assert "Every parcel and every message is accounted for." in output
        assert not Package.objects.filter(released_at__isnull=True).exists()

    def test_parcels_that_are_never_swept_are_loose_ends(self, portal: str, file: Path) -> None:
        two_locations()
        with beat(expire=False), pytest.raises(CommandError, match=r"\d+ parcels or answers"):
            replay(file, portal, "--sweep-wait=1")

    def test_messages_that_are_never_sent_are_loose_ends(self, portal: str, file: Path) -> None:
        two_locations()
        with pytest.raises(CommandError, match=r"messages: \d+ due, 0 sent"):
            replay(file, portal, "--limit=3", "--message-wait=1")

    def test_a_message_missing_from_the_mailbox_is_a_loose_end(
        self, portal: str, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        two_locations()
        monkeypatch.setattr("notifications.sms.mailbox.SmsBackend.send", lambda *_, **__: "lost")
        with beat(), pytest.raises(CommandError, match=r"messages: .* [1-9]\d* missing"):
            replay(file, portal)

    def test_an_error_of_the_portal_is_a_loose_end(
        self, portal: str, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The door opens and the answer is lost; the kiosk gets it on a retry, but it was an error."""
        two_locations()
        answer, broken = package_json.opened, iter([True])

        def fail_once(opened: Any) -> Any:
            if next(broken, False):
                raise RuntimeError
            return answer(opened)

        monkeypatch.setattr(package_json, "opened", fail_once)
        with (
            beat(),
            pytest.raises(CommandError, match=r"^Not accounted for: 1 answers were errors of the portal$"),
        ):
            replay(file, portal, "--limit=5")
        assert not Package.objects.filter(released_at__isnull=True).exists()

    def test_a_finding_of_the_audit_is_a_loose_end(self, portal: str, file: Path) -> None:
        two_locations()
        Compartment.objects.filter(pk=Compartment.objects.latest("pk").pk).update(occupancy="occupied")
        with beat(), pytest.raises(CommandError, match="audit: 1 of I3-door"):
            replay(file, portal, "--limit=3")

    def test_parcels_without_room_are_listed_as_refused(self, portal: str, file: Path) -> None:
        world.make_location("TLL-1", small=2, medium=0, large=0)
        with beat():
            output = replay(file, portal, "--limit=6")
        assert "refused: location_full" in output

    def test_a_portal_must_run(
        self, transactional_db: None, settings: Any, file: Path, monkeypatch: Any
    ) -> None:
        settings.DEBUG = True
        monkeypatch.setattr(client, "LONGEST_PAUSE_SECONDS", 0.01)
        two_locations()
        with answering() as (url, _):
            pass
        with pytest.raises(CommandError, match="does not answer"):
            replay(file, url)
        assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()

    def test_there_must_be_room(self, transactional_db: None, settings: Any, file: Path) -> None:
        settings.DEBUG = True
        with pytest.raises(CommandError, match="no open location"):
            replay(file, "http://127.0.0.1:1")

    def test_it_is_refused_outside_development(self, db: None, settings: Any, file: Path) -> None:
        settings.DEBUG = False
        with pytest.raises(CommandError, match="DEBUG"):
            replay(file, "http://127.0.0.1:1")
        assert not ApiKey.objects.exists()

    @pytest.mark.parametrize("option", ["--concurrency=0", "--limit=-1", "--limit=many"])
    def test_invalid_options_are_refused(self, db: None, file: Path, option: str) -> None:
        with pytest.raises(CommandError):
            replay(file, "http://127.0.0.1:1", option)
