"""The portal refuses to start with invalid settings, and names the variable but never its value."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parents[3]
MARK = "Xq7-never-shown"
GOOD_SECRET = "0123456789-abcdefghijklmnopqrstuvwxyz"
GOOD = {
    "DEBUG": "false",
    "SECRET_KEY": GOOD_SECRET + "-key",
    "PICKUP_CODE_SECRETS": f"1:{GOOD_SECRET}-code",
    "ALLOWED_HOSTS": "lockers.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://lockers.example.com",
    "DATABASE_URL": "postgres://portal:secret@db.example.com:5432/portal",
    "REDIS_URL": "redis://:secret@redis.example.com:6379/0",
    "EMAIL_URL": "smtp+tls://portal:secret@mail.example.com:587",
    "DEFAULT_FROM_EMAIL": "Lockers <lockers@example.com>",
    "SMS_BACKEND": "notifications.sms.http.SmsBackend",
    "SMS_GATEWAY_URL": "https://sms.example.com/send",
    "SMS_GATEWAY_TOKEN": "a-token",
}
READS = re.compile(r'\benv(?:\.str\(|,)\s*"([A-Z0-9_]+)"')
REFUSED = [
    ("DEBUG", f"perhaps-{MARK}"),
    ("SECRET_KEY", None),
    ("SECRET_KEY", MARK),
    ("SECRET_KEY", "a" * 64),
    ("SECRET_KEY", f"django-insecure-{MARK}-{GOOD_SECRET}"),
    ("PICKUP_CODE_SECRETS", None),
    ("PICKUP_CODE_SECRETS", f"{MARK}-{GOOD_SECRET}"),
    ("PICKUP_CODE_SECRETS", f"1:{MARK}"),
    ("PICKUP_CODE_SECRETS", f"0:{MARK}-{GOOD_SECRET}"),
    ("PICKUP_CODE_SECRETS", f"1:{MARK}-{GOOD_SECRET},1:{MARK}-{GOOD_SECRET}"),
    ("PICKUP_CODE_SECRETS", f"1:{GOOD_SECRET}-key"),
    ("PICKUP_CODE_SECRETS", f"1/5:{MARK}-{GOOD_SECRET}"),
    ("PICKUP_CODE_SECRETS", f"1/9:{MARK}-{GOOD_SECRET}"),
    ("PICKUP_CODE_SECRETS", f"1/:{MARK}-{GOOD_SECRET}"),
    ("WEBHOOK_SECRETS", f"1/6:{MARK}-{GOOD_SECRET}"),
    ("WEBHOOK_SECRETS", f"1:{MARK}"),
    ("WEBHOOK_SECRETS", f"1:{GOOD_SECRET}-key"),
    ("WEBHOOK_ALLOW_PRIVATE", f"perhaps-{MARK}"),
    ("RECEIPT_SECRETS", MARK),
    ("RECEIPT_SECRETS", f"first:{MARK}"),
    ("RECEIPT_SECRETS", f"first:whsec_{MARK}"),
    ("RECEIPT_SECRETS", f"first:whsec_{MARK}=õ"),
    ("RECEIPT_SECRETS", f"First:whsec_{'QUJD' * 8}"),
    ("RECEIPT_SECRETS", f"first:whsec_{'QUJD' * 7}Q"),
    ("RECEIPT_SECRETS", f"first:whsec_{'QUJD' * 5}"),
    ("RECEIPT_SECRETS", f"first:whsec_{'QUJD' * 22}"),
    ("RECEIPT_SECRETS", ",".join([f"first:whsec_{'QUJD' * 8}"] * 3)),
    ("ALLOWED_HOSTS", None),
    ("ALLOWED_HOSTS", f"{MARK}.example.com,*"),
    ("CSRF_TRUSTED_ORIGINS", f"{MARK}.example.com"),
    ("DATABASE_URL", None),
    ("DATABASE_URL", f"sqlite:///{MARK}.db"),
    ("DATABASE_URL", f"postgres://portal:{MARK}@db.example.com:port/portal"),
    ("REDIS_URL", None),
    ("REDIS_URL", f"http://{MARK}"),
    ("EMAIL_URL", None),
    ("EMAIL_URL", f"imap://{MARK}"),
    ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend"),
    ("EMAIL_BACKEND", f"{MARK} is no path"),
    ("DEFAULT_FROM_EMAIL", None),
    ("DEFAULT_FROM_EMAIL", MARK),
    ("PUBLIC_URL", f"http://{MARK}.example.com"),
    ("PUBLIC_URL", f"https://{MARK}.example.com/path"),
    ("PUBLIC_URL", f"https://portal:{MARK}@lockers.example.com"),
    ("PUBLIC_URL", f"{MARK}.example.com"),
    ("SMS_BACKEND", None),
    ("SMS_BACKEND", "notifications.sms.console.SmsBackend"),
    ("SMS_PROVIDER", f"{MARK} GmbH"),
    ("SMS_GATEWAY_URL", f"http://{MARK}.example.com/send"),
    ("SMS_GATEWAY_TOKEN", f"{MARK} with spaces"),
    ("SMS_BACKEND_2", "notifications.sms.console.SmsBackend"),
    ("SMS_PROVIDER_2", f"{MARK} GmbH"),
    ("TRUSTED_PROXY_COUNT", "-1"),
    ("TRUSTED_PROXY_COUNT", MARK),
    ("TRUSTED_PROXIES", MARK),
    ("RATE_LIMITS", MARK),
    ("RATE_LIMIT_KEY", MARK),
    ("RATE_LIMIT_KEY", "0/s,10"),
    ("RATE_LIMIT_FAULTS", "10"),
    ("RATE_LIMIT_FAILED_KEYS", "10/d,10"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ("SECURE_SSL_REDIRECT", MARK),
    ("DB_STATEMENT_TIMEOUT_MS", "0"),
    ("DB_LOCK_TIMEOUT_MS", MARK),
    ("DB_PREPARE_STATEMENTS", MARK),
    ("COMPARTMENT_SIZES", f'{{"SMALL": "{MARK}"}}'),
    ("PICKUP_FREE_ATTEMPTS", "0"),
    ("PICKUP_DAILY_FAILURES", "2.5"),
    ("NOTIFICATION_MAX_ATTEMPTS", MARK),
    ("NOTIFICATION_NUDGE", MARK),
    ("TIME_ZONE", f"Europe/{MARK}"),
    ("LOG_LEVEL", MARK),
]
pytestmark = pytest.mark.slow  # each test starts Django in a new process


def start(values: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
    """Start Django in a new process, with this environment and no files."""
    environment = {name: value for name, value in {**GOOD, **values}.items() if value is not None}
    # Neither a developer's .env nor var/env may complete what a test leaves out.
    code = "import environ; environ.Env.read_env = lambda *a, **k: None; import django; django.setup()"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE,
        env={"PATH": os.defpath, "DJANGO_SETTINGS_MODULE": "lockerportal.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_starts_with_a_complete_production_environment() -> None:
    """The environment that the tests below change is valid."""
    done = start({})
    assert done.returncode == 0, done.stderr


SECOND = {
    "SMS_BACKEND_2": "notifications.sms.http.SmsBackend",
    "SMS_GATEWAY_URL_2": "https://sms.example.org/",
    "SMS_GATEWAY_TOKEN_2": "another-token",
    "SMS_PROVIDER_2": "sms-house",
}


def test_a_second_provider_needs_all_its_settings() -> None:
    done = start(dict(SECOND))
    assert done.returncode == 0, done.stderr
    for name, value in [
        ("SMS_GATEWAY_URL_2", None),
        ("SMS_GATEWAY_URL_2", f"http://{MARK}.example.com"),
        ("SMS_GATEWAY_TOKEN_2", None),
        ("SMS_PROVIDER_2", "first"),
    ]:
        done = start({**SECOND, name: value})
        assert name in done.stderr.splitlines()[-1], done.stderr
        assert MARK not in done.stderr


ANYMAIL = {
    "EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend",
    "EMAIL_URL": None,
    "ANYMAIL": '{"POSTMARK_SERVER_TOKEN": "a-token", "WEBHOOK_SECRET": "receipts:0123456789-0123456789-xyz"}',
}


def test_an_email_provider_needs_valid_settings() -> None:
    done = start(dict(ANYMAIL))
    assert done.returncode == 0, done.stderr
    for value in (
        None,
        MARK,
        f'["{MARK}"]',
        "7",
        "null",
        f'{{"WEBHOOK_SECRET": "{MARK}"}}',
        f'{{"WEBHOOK_SECRET": "receipts:{MARK}"}}',
        f'{{"WEBHOOK_SECRET": ["receipts:0123456789-0123456789-xyz", "{MARK}"]}}',
        '{"WEBHOOK_SECRET": 7}',
    ):
        done = start({**ANYMAIL, "ANYMAIL": value})
        assert done.returncode != 0
        assert "ANYMAIL" in done.stderr.splitlines()[-1], done.stderr
        assert MARK not in done.stderr


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_refuses_and_names_the_variable(name: str, value: str | None) -> None:
    """The process fails, and its last line names the variable; the value appears nowhere."""
    done = start({name: value})
    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]
    assert MARK not in done.stderr + done.stdout
    assert GOOD_SECRET not in done.stderr + done.stdout


def test_every_variable_is_in_the_example() -> None:
    """`.env.example` contains every variable that the settings read."""
    example = (BASE / ".env.example").read_text()
    sources = [BASE / "lockerportal" / "settings.py", *(BASE / "lockerportal").glob("env/*.py")]
    read = {name for file in sources for name in READS.findall(file.read_text())}
    assert {name for name, _ in REFUSED} <= read
    missing = {name for name in read if f"\n{name}=" not in example and f"\n#{name}=" not in example}
    assert missing == set()
