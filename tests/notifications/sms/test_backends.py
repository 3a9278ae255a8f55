"""The SMS backends of development and tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from notifications import sms


def test_console(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SMS_BACKEND = "notifications.sms.console.SmsBackend"
    assert sms.get_backend().send("+3725550000", "Hello", reference="stored-7") == ""
    assert capsys.readouterr().out == "SMS to +3725550000 (stored-7): Hello\n"


def test_file(settings: Settings, tmp_path: Path) -> None:
    settings.SMS_BACKEND = "notifications.sms.file.SmsBackend"
    settings.SMS_FILE_PATH = str(tmp_path / "new" / "sms.jsonl")
    ids = [sms.get_backend().send("+3725550000", text) for text in ("one", "two\nlines")]

    lines = [json.loads(line) for line in Path(settings.SMS_FILE_PATH).read_text().splitlines()]
    assert [(line["id"], line["text"]) for line in lines] == [(ids[0], "one"), (ids[1], "two\nlines")]


def test_the_setting_must_name_an_sms_backend(settings: Settings) -> None:
    settings.SMS_BACKEND = "notifications.dev.mailbox.EmailBackend"
    with pytest.raises(TypeError, match="not a subclass"):
        sms.get_backend()
