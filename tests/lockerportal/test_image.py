"""The production image: everything that production runs, and none of the development tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DEBUG": "false",
    "ALLOWED_HOSTS": "lockers.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://lockers.example.com",
    "SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
    "PICKUP_CODE_SECRETS": "1:only-for-this-test-9876543210-zyxwvutsrqponmlkjihgfedcba",
    "EMAIL_URL": "smtp://mail.example.com:25",
    "DEFAULT_FROM_EMAIL": "lockers@example.com",
    "SMS_BACKEND": "notifications.sms.http.SmsBackend",
    "SMS_GATEWAY_URL": "https://sms.example.com/send",
    "SMS_GATEWAY_TOKEN": "only-for-this-test",
}
IMPORTS = "import lockerportal.wsgi; from lockerportal.celery import app; app.loader.import_default_modules()"
pytestmark = pytest.mark.slow


def included() -> list[str]:
    """Return the names at the top of the checkout that .dockerignore lets into the image."""
    lines = (BASE / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"  # whatever is not named stays out
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that the image holds."""
    folder = tmp_path_factory.mktemp("image")
    for name in included():
        source = BASE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def run(image: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the image's folder with production settings."""
    servers = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=image,
        env={"PATH": os.environ["PATH"], **PRODUCTION, **servers, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_development_stays_out() -> None:
    assert not {"devtools", "tests", "bench", "examples", "docs"} & set(included())


@pytest.mark.parametrize(
    "arguments",
    [
        ["manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        ["manage.py", "migrate", "--plan"],
        ["manage.py", "collectstatic", "--noinput"],
        ["-c", IMPORTS],
    ],
    ids=["check", "migrate", "collectstatic", "wsgi and celery"],
)
def test_production_runs_without_the_development_tools(image: Path, arguments: list[str]) -> None:
    done = run(image, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_debug_without_the_development_tools_is_refused(image: Path) -> None:
    done = run(image, "manage.py", "check", DEBUG="true")
    assert done.returncode == 1
    assert "DEBUG is true, but this installation has no development tools" in done.stderr


def test_the_development_commands_are_not_in_production(image: Path) -> None:
    for command in ("seed_demo", "replay_parcels"):
        done = run(image, "manage.py", command)
        assert f"Unknown command: '{command}'" in done.stderr


def test_every_process_has_its_command_in_bin(image: Path) -> None:
    procfile = dict(line.split(": ", 1) for line in (BASE / "Procfile").read_text().splitlines())
    for process in ("web", "worker", "webhooks", "beat"):
        assert procfile[process] == f"bin/{process}"
        assert os.access(image / "bin" / process, os.X_OK)
    assert '\nCMD ["bin/web"]\n' in (BASE / "Dockerfile").read_text()
    in_compose = re.findall(r"command: (bin/\w+)", (BASE / "compose.yaml").read_text())
    assert in_compose == ["bin/worker", "bin/webhooks", "bin/beat"]  # the web server is the image's default
