"""The developer's mailbox: the file, the backends and the pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from notifications import sms
from notifications.delivery.people import deliver_due
from notifications.dev import jsonlines, mailbox
from tests.notifications.conftest import NOW, Put


@pytest.fixture(autouse=True)
def file(settings: Settings, tmp_path: Path) -> Path:
    settings.DEBUG = True
    path = tmp_path / "var" / "mailbox.jsonl"
    settings.MAILBOX_FILE = path
    settings.EMAIL_BACKEND = "notifications.dev.mailbox.EmailBackend"
    settings.SMS_BACKEND = "notifications.sms.mailbox.SmsBackend"
    return path


def listing(client: Client, **query: str | int) -> dict[str, Any]:
    answer = client.get(reverse("mailbox:list"), {"format": "json", **query})
    assert answer.status_code == 200
    return dict(answer.json())


@pytest.mark.django_db
def test_delivered_messages_are_in_it_with_their_metadata(put: Put, client: Client) -> None:
    email, text = put("email"), put("sms")
    assert deliver_due(now=NOW).sent == 2

    newest, oldest = listing(client)["messages"]
    assert (newest["channel"], newest["to"], newest["kind"]) == ("sms", "+3725550000", "stored")
    assert newest["notification"] == str(text.pk)
    assert "4821 7730" in newest["text"]
    assert (oldest["channel"], oldest["to"], oldest["notification"]) == (
        "email",
        "mari@example.com",
        str(email.pk),
    )
    assert oldest["subject"] == "Your parcel is ready at Tallinn Balti jaam"
    assert oldest["html"].startswith("<!doctype html>")
    assert 'src="data:image/png;base64,' in oldest["html"], "the page has no other part to look for it"
    assert "cid:" not in oldest["html"]
    text.refresh_from_db()
    assert text.provider_id == newest["id"]


def test_any_mail_of_the_portal_lands_in_it(client: Client) -> None:
    connection = mail.get_connection("notifications.dev.mailbox.EmailBackend")
    message = EmailMessage("Hi", "Text", to=["a@example.com"], bcc=["b@example.com"], connection=connection)
    assert message.send() == 1
    (entry,) = listing(client)["messages"]
    assert (entry["to"], entry["text"], entry["kind"], entry["html"]) == (
        "a@example.com, b@example.com",
        "Text",
        "",
        "",
    )


def test_an_empty_mailbox_is_a_page_too(client: Client) -> None:
    assert b"No messages yet" in client.get(reverse("mailbox:list")).content
    assert listing(client) == {"messages": [], "next": None}


def test_fifty_thousand_messages_in_pages(client: Client, file: Path) -> None:
    file.parent.mkdir()
    with file.open("w") as lines:
        for number in range(50_000):
            text = f"Parcel EE{number:09} {'x' * 300}"
            entry = {
                "id": str(number),
                "at": "2026-11-20T12:00:00",
                "channel": "sms",
                "to": f"+372{number:07}",
            }
            lines.write(json.dumps({**entry, "text": text, "html": "<style>color</style>"}) + "\n")

    first = listing(client)
    assert [entry["id"] for entry in first["messages"]] == [
        str(number) for number in range(49_999, 49_949, -1)
    ]
    sms.get_backend().send("+1", "arrives between two pages")
    second = listing(client, before=first["next"])
    assert [entry["id"] for entry in second["messages"]] == [
        str(number) for number in range(49_949, 49_899, -1)
    ]
    assert [entry["id"] for entry in listing(client, q="ee000000017")["messages"]] == ["17"]
    assert listing(client, q="color") == {"messages": [], "next": None}, "HTML is not searched"
    last = listing(client, before=second["messages"][0]["position"], q="+3720000000")
    assert ([entry["id"] for entry in last["messages"]], last["next"]) == (["0"], None)


def test_a_full_last_page_has_no_next_one(client: Client) -> None:
    for number in range(mailbox.PAGE):
        sms.get_backend().send("+1", str(number))
    assert listing(client)["next"] is None
    sms.get_backend().send("+1", "one more")
    following = listing(client)["next"]
    assert [entry["text"] for entry in listing(client, before=following)["messages"]] == ["0"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("MARI@", ["one"]),
        ("4821 7730", ["two"]),
        ('say "hi"', ["two"]),
        ("õun", ["two"]),
        ("%", []),
        ("\\", []),
        ("", ["two", "one"]),
        ("   ", ["two", "one"]),
    ],
)
def test_search(client: Client, search: str, found: list[str]) -> None:
    mailbox.put(channel="email", to="mari@example.com", subject="one", text="first")
    mailbox.put(channel="sms", to="+372", subject="two", text='code 4821 7730, say "hi" to õun')
    assert [entry["subject"] for entry in listing(client, q=search)["messages"]] == found


def test_lines_that_are_not_messages_are_skipped(client: Client, file: Path) -> None:
    sms.get_backend().send("+1", "good")
    with file.open("a") as lines:
        lines.write('{"broken\n[1, 2]\n\n{"half": ')
    assert [entry["text"] for entry in listing(client)["messages"]] == ["good"]


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "²"])
def test_a_strange_page_is_the_first(client: Client, before: str) -> None:
    sms.get_backend().send("+1", "good")
    assert len(listing(client, before=before)["messages"]) == 1


def test_lines_of_several_processes_do_not_mix(file: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from notifications.dev import jsonlines\n"
        "for n in range(300):\n"
        "    jsonlines.append(Path(sys.argv[1]), {'n': n, 'by': sys.argv[2], 'text': 'y' * 9000})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(file), str(by)]) for by in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4

    entries = [entry for _, entry in jsonlines.read_backwards(file)]
    assert len(entries) == 1200
    for by in range(4):
        assert [entry["n"] for entry in entries if entry["by"] == str(by)] == list(range(299, -1, -1))
    assert file.stat().st_mode & 0o777 == 0o600, "it holds codes"


@pytest.mark.django_db
def test_the_pages_show_markup_as_text_and_html_in_a_sandbox(client: Client) -> None:
    html = "<p style='color:red'>Hello</p><script>alert(1)</script>"
    mailbox.put(channel="email", to="<b>@example.com", subject="<script>x</script>", text="<i>", html=html)
    position = listing(client)["messages"][0]["position"]

    for url in (reverse("mailbox:list"), reverse("mailbox:message", args=[position])):
        answer = client.get(url)
        page = answer.content.decode()
        assert "&lt;script&gt;x&lt;/script&gt;" in page
        assert "<script" not in page
        assert "style=" not in page
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    framed = client.get(reverse("mailbox:html", args=[position]))
    assert framed.content.decode() == html
    assert framed.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("name", ["mailbox:message", "mailbox:html"])
@pytest.mark.parametrize("position", [1, 10_000])
def test_no_message_there(client: Client, name: str, position: int) -> None:
    sms.get_backend().send("+1", "good")
    assert client.get(reverse(name, args=[position])).status_code == 404


def test_outside_development_there_is_no_mailbox(client: Client, settings: Settings) -> None:
    sms.get_backend().send("+1", "good")
    urls = [reverse("mailbox:list"), reverse("mailbox:message", args=[0]), reverse("mailbox:html", args=[0])]
    assert [client.get(url).status_code for url in urls] == [200, 200, 200]
    settings.DEBUG = False
    settings.SECURE_SSL_REDIRECT = False
    assert [client.get(url).status_code for url in urls] == [404, 404, 404]
