"""A deployment may not change the pickup codes that recipients already have."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError
from pytest_django import Settings

from packages_app.models import Package
from packages_app.rules import waiting_codes
from packages_app.rules.waiting_codes import waiting_codes_stay
from tests.world import door, make_courier, make_location, make_package

pytestmark = pytest.mark.django_db


@pytest.fixture
def package() -> Package:
    return make_package(make_courier(), door(make_location(), "S1"))


def errors() -> list[str]:
    return [error.msg for error in waiting_codes_stay(databases=["default"])]


def test_a_new_secret_with_another_number_of_digits_changes_no_code(
    package: Package, settings: Settings
) -> None:
    settings.PICKUP_CODE_SECRETS = {**settings.PICKUP_CODE_SECRETS, 9: b"new-secret-9876543210-lkjihgfedcba"}
    settings.PICKUP_CODE_DIGITS = {9: 6}
    assert errors() == []


def test_another_number_of_digits_for_a_secret_in_use_is_an_error(
    package: Package, settings: Settings
) -> None:
    settings.PICKUP_CODE_DIGITS = {package.code_secret: 6}
    [error] = errors()
    assert f"secret {package.code_secret}" in error
    with pytest.raises(SystemCheckError, match=r"packages_app\.E001"):
        call_command("migrate", check_unapplied=True, skip_checks=False, verbosity=0)
    Package.objects.update(
        status="RETRIEVED", retrieved_at=package.stored_at, released_at=package.stored_at, code_mac=None
    )
    assert errors() == []


def test_another_secret_under_the_same_id_is_an_error(package: Package, settings: Settings) -> None:
    settings.PICKUP_CODE_SECRETS = {package.code_secret: b"other-secret-0123456789-zyxwvutsrqponm"}
    assert len(errors()) == 1


def test_it_says_nothing_before_the_first_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_table(secret_id: int) -> bool:
        raise DatabaseError

    monkeypatch.setattr(waiting_codes, "_stays", no_table)
    assert errors() == []
    assert waiting_codes_stay(databases=None) == []
