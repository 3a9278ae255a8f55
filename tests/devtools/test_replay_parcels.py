"""The replay: every parcel and message accounted for, and loud when one is not."""

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
from notifications.delivery.email_and_sms import deliver_due
from notifications.models import Notification
from packages_app import operations
from packages_app.models import ApiKey, Package
from packages_app.payloads import package_json
from tests import world

PARCELS = 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Sixty parcels; every tenth is longer than any door is deep, and one was never weighed."""
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
        ("text", "says"),
        [
            ("", "tracking_number is missing"),
            ("tracking_number,weight_g,length_mm,width_mm\n", "height_mm is missing"),
            (",".join(COLUMNS) + "\nA,1,2,3,4\nB,1,2,3\n", "line 3"),
            (",".join(COLUMNS) + "\nA,heavy,2,3,4\n", "line 2"),
            (",".join(COLUMNS) + "\n,1,2,3,4\n", "line 2"),
        ],
    )
    def test_what_is_no_list_of_parcels_is_refused(self, tmp_path: Path, text: str, says: str) -> None:
        path = tmp_path / "parcels.csv"
        path.write_text(text)
        with pytest.raises(FileError, match=says):
            read(path)


@contextmanager
def answering(*answers: tuple[int, str] | None) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn (None: hangs up), and the Idempotency-Keys it was sent."""
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
            """Not into the test's output."""

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
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "LONGEST_PAUSE_SECONDS", 0.01)

    def post(self, url: str, tally: Tally) -> client.Answer:
        with client.connected(url, tally) as api:
            return api.post("assign", "/x", key="k", body={}, idempotency_key="same")

    def test_a_server_error_and_a_lost_answer_are_asked_again_with_the_same_key(self) -> None:
        tally = Tally()
        with answering((503, "{}"), None, (201, '{"id": "1"}')) as (url, seen):
            answer = self.post(url, tally)
        assert (answer.status, answer.body) == (201, {"id": "1"})
        assert seen == ["same"] * 3
        assert tally.server_errors == {"assign 503": 1}
        assert tally.faults == 0
        assert tally.lost_connections == 1
        assert len(tally.milliseconds["assign"]) == tally.calls == 2

    def test_a_refusal_is_an_answer(self) -> None:
        tally = Tally()
        with answering((409, '{"code": "location_full"}')) as (url, seen):
            assert self.post(url, tally).code == "location_full"
        assert len(seen) == 1
        assert tally.refusals == {"location_full": 1}

    def test_what_still_runs_is_asked_again(self) -> None:
        with answering((409, '{"code": "idempotency_key_running"}'), (200, "{}")) as (url, seen):
            assert self.post(url, Tally()).status == 200
        assert len(seen) == 2

    def test_there_is_an_end_to_asking(self) -> None:
        with answering(*[(500, "no JSON")] * client.TRIES) as (url, seen):
            with pytest.raises(Unanswered, match="500"):
                self.post(url, Tally())
            assert len(seen) == client.TRIES

    def test_nobody_there(self) -> None:
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
    """What worker and beat do, in a thread."""
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


def two_places() -> None:
    world.make_location("TLL-1", small=6, medium=6, large=6, latitude=59.43, longitude=24.75)
    world.make_location("TLL-2", small=6, medium=6, large=6, latitude=59.42, longitude=24.70)


class TestReplay:
    def test_every_parcel_is_accounted_for(self, portal: str, file: Path) -> None:
        two_places()
        with beat():
            said = replay(file, portal)
        statuses = Counter(Package.objects.values_list("status", flat=True))
        assert set(statuses) == {"RETRIEVED", "RETURNED"}
        assert statuses.total() == PARCELS * 9 // 10
        for count, end in (
            (statuses["RETRIEVED"], "collected"),
            (statuses["RETURNED"], "returned"),
            (PARCELS // 10, "fits nothing"),
            (PARCELS, "in all"),
        ):
            assert f"{count:>7,}  {end}\n" in said
        assert f"{PARCELS // 10:>7,}  fits_no_compartment\n" in said
        assert "      0  answers 5xx" in said
        assert "The audit found nothing" in said
        assert "Every parcel and every message is accounted for." in said
        assert set(Compartment.objects.values_list("occupancy", flat=True)) == {"empty"}
        assert set(Notification.objects.values_list("status", flat=True)) <= {"sent", "suppressed"}

    def test_its_keys_die_with_it_and_are_told_to_nobody(self, portal: str, file: Path) -> None:
        two_places()
        with beat():
            said = replay(file, portal, "--limit=5")
        assert ApiKey.objects.filter(name__startswith="replay ").count() == 3
        assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()
        assert "plk_" not in said

    def test_a_database_that_goes_away_ends_it_in_a_sentence(
        self, portal: str, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def ends(ids: Any, *, seconds: int) -> int:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            raise AssertionError("unreachable")

        two_places()
        monkeypatch.setattr(outcome, "wait_for_sweep", ends)
        with beat(), pytest.raises(CommandError, match="The database went away"):
            replay(file, portal)
        assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()

    def test_a_second_replay_finds_the_network_as_it_was(self, portal: str, file: Path) -> None:
        two_places()
        with beat():
            replay(file, portal, "--limit=10")
            said = replay(file, portal, "--limit=10")
        assert "Every parcel and every message is accounted for." in said

    def test_parcels_that_an_earlier_one_left_go_on_from_there(self, portal: str, file: Path) -> None:
        two_places()
        with beat(expire=False), pytest.raises(CommandError):
            replay(file, portal, "--sweep-wait=1")
        left = Package.objects.filter(status="STORED").count()
        assert left
        with beat():
            said = replay(file, portal)
        assert "Every parcel and every message is accounted for." in said
        assert not Package.objects.filter(released_at__isnull=True).exists()

    def test_parcels_that_are_never_swept_are_loose_ends(self, portal: str, file: Path) -> None:
        two_places()
        with beat(expire=False), pytest.raises(CommandError, match=r"\d+ parcels or answers"):
            replay(file, portal, "--sweep-wait=1")

    def test_messages_that_never_go_are_loose_ends(self, portal: str, file: Path) -> None:
        two_places()
        with pytest.raises(CommandError, match=r"messages: \d+ due, 0 sent"):
            replay(file, portal, "--limit=3", "--message-wait=1")

    def test_a_message_that_is_not_in_the_mailbox_is_a_loose_end(
        self, portal: str, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        two_places()
        monkeypatch.setattr(
            "notifications.sms.mailbox.SmsBackend.send", lambda *_, **__: "never put anywhere"
        )
        with beat(), pytest.raises(CommandError, match=r"messages: .* [1-9]\d* missing"):
            replay(file, portal)

    def test_a_fault_of_the_portal_is_a_loose_end(
        self, portal: str, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The door opens, the answer breaks; the kiosk asks again and gets it, but a fault it was."""
        two_places()
        answer, broken = package_json.opened, iter([True])

        def breaks_once(opened: Any) -> Any:
            if next(broken, False):
                raise RuntimeError
            return answer(opened)

        monkeypatch.setattr(package_json, "opened", breaks_once)
        with (
            beat(),
            pytest.raises(CommandError, match=r"^Not accounted for: 1 answers were faults of the portal$"),
        ):
            replay(file, portal, "--limit=5")
        assert not Package.objects.filter(released_at__isnull=True).exists()

    def test_what_the_audit_finds_is_a_loose_end(self, portal: str, file: Path) -> None:
        two_places()
        Compartment.objects.filter(pk=Compartment.objects.latest("pk").pk).update(occupancy="occupied")
        with beat(), pytest.raises(CommandError, match="audit: 1 of I3-door"):
            replay(file, portal, "--limit=3")

    def test_a_network_too_small_turns_the_rest_away_by_name(self, portal: str, file: Path) -> None:
        world.make_location("TLL-1", small=2, medium=0, large=0)
        with beat():
            said = replay(file, portal, "--limit=6")
        assert "refused: location_full" in said

    def test_no_portal(self, transactional_db: None, settings: Any, file: Path, monkeypatch: Any) -> None:
        settings.DEBUG = True
        monkeypatch.setattr(client, "LONGEST_PAUSE_SECONDS", 0.01)
        two_places()
        with answering() as (url, _):
            pass
        with pytest.raises(CommandError, match="does not answer"):
            replay(file, url)
        assert not ApiKey.objects.filter(revoked_at__isnull=True).exists()

    def test_no_place_to_bring_them(self, transactional_db: None, settings: Any, file: Path) -> None:
        settings.DEBUG = True
        with pytest.raises(CommandError, match="no open location"):
            replay(file, "http://127.0.0.1:1")

    def test_never_outside_development(self, db: None, settings: Any, file: Path) -> None:
        settings.DEBUG = False
        with pytest.raises(CommandError, match="DEBUG"):
            replay(file, "http://127.0.0.1:1")
        assert not ApiKey.objects.exists()

    @pytest.mark.parametrize("option", ["--concurrency=0", "--limit=-1", "--limit=many"])
    def test_nonsense_options(self, db: None, file: Path, option: str) -> None:
        with pytest.raises(CommandError):
            replay(file, "http://127.0.0.1:1", option)
