"""Pickup codes: computed, never stored, never trivial."""

from __future__ import annotations

import re
import uuid
from collections import Counter

import pytest
from pytest_django import Settings

from packages_app.secrets import pickup_codes

PACKAGE = uuid.UUID("0b4f1a52-6f0e-4d43-8a51-0c9f3f5d7e21")
OLD, NEW = b"old-secret-0123456789-abcdefghijkl", b"new-secret-9876543210-lkjihgfedcba"
TRIVIAL = [
    "00000000",
    "77777777",
    "01234567",
    "12345678",
    "23456789",
    "34567890",
    "87654321",
    "98765432",
    "09876543",
    "123456",
    "482482",
    "121212",
    "484848",
    "12121212",
    "90909090",
    "48214821",
]
NOT_TRIVIAL = ["48217730", "00000001", "12345679", "11112222", "13579135", "24680246", "12344321"]


@pytest.fixture(autouse=True)
def secrets(settings: Settings) -> None:
    settings.PICKUP_CODE_SECRETS = {1: OLD}


def test_eight_digits_the_same_each_time() -> None:
    digits = pickup_codes.compute(PACKAGE, 1, 1)
    assert len(digits) == 8
    assert digits.isdigit()
    assert digits == pickup_codes.compute(PACKAGE, 1, 1)


def test_another_version_package_or_secret_is_another_code(settings: Settings) -> None:
    settings.PICKUP_CODE_SECRETS = {1: OLD, 2: NEW}
    made = {
        pickup_codes.compute(PACKAGE, 1, 1),
        pickup_codes.compute(PACKAGE, 2, 1),
        pickup_codes.compute(PACKAGE, 1, 2),
        pickup_codes.compute(uuid.uuid4(), 1, 1),
    }
    assert len(made) == 4


def test_short_codes_keep_their_leading_zeros() -> None:
    made = (pickup_codes.compute(PACKAGE, version, 1) for version in range(1, 500))
    assert any(digits.startswith("0") for digits in made)


@pytest.mark.parametrize("digits", TRIVIAL)
def test_trivial_codes(digits: str) -> None:
    assert pickup_codes._trivial(digits)


@pytest.mark.parametrize("digits", NOT_TRIVIAL)
def test_codes_that_are_not_trivial(digits: str) -> None:
    assert not pickup_codes._trivial(digits)


def test_a_trivial_code_takes_the_next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    real = pickup_codes.compute

    def trivial_at_first(package_id: uuid.UUID, version: int, secret_id: int, length: int | None) -> str:
        return "12345678" if version < 4 else real(package_id, version, secret_id)

    monkeypatch.setattr(pickup_codes, "compute", trivial_at_first)
    issued = pickup_codes.issue(PACKAGE, 7)
    assert issued.version == 4
    assert issued.mac == pickup_codes.macs(7, real(PACKAGE, 4, 1))[0]


def test_the_highest_secret_makes_new_codes_and_the_others_still_open(settings: Settings) -> None:
    before = pickup_codes.issue(PACKAGE, 7)
    digits = pickup_codes.compute(PACKAGE, before.version, before.secret_id)
    settings.PICKUP_CODE_SECRETS = {1: OLD, 2: NEW}
    after = pickup_codes.issue(PACKAGE, 7)
    assert (before.secret_id, after.secret_id) == (1, 2)
    assert pickup_codes.compute(PACKAGE, before.version, before.secret_id) == digits
    assert before.mac in pickup_codes.macs(7, digits)
    assert after.mac in pickup_codes.macs(7, pickup_codes.compute(PACKAGE, after.version, after.secret_id))
    settings.PICKUP_CODE_SECRETS = {2: NEW}
    assert before.mac not in pickup_codes.macs(7, digits)
    with pytest.raises(KeyError):
        pickup_codes.compute(PACKAGE, before.version, before.secret_id)


@pytest.mark.parametrize(("count", "shown"), [(6, "ddd ddd"), (7, "dddd ddd"), (8, "dddd dddd")])
def test_a_secret_may_name_its_number_of_digits_and_codes_that_wait_stay(
    settings: Settings, count: int, shown: str
) -> None:
    before = pickup_codes.issue(PACKAGE, 7)
    digits = pickup_codes.compute(PACKAGE, before.version, before.secret_id)
    settings.PICKUP_CODE_SECRETS = {1: OLD, 2: NEW}
    settings.PICKUP_CODE_DIGITS = {2: count}
    assert pickup_codes.compute(PACKAGE, before.version, before.secret_id) == digits
    assert pickup_codes.clean(pickup_codes.shown(digits)) == digits
    assert before.mac in pickup_codes.macs(7, digits)
    after = pickup_codes.issue(PACKAGE, 7)
    new = pickup_codes.compute(PACKAGE, after.version, after.secret_id)
    assert (len(digits), len(new)) == (8, count)
    assert after.mac in pickup_codes.macs(7, new)
    assert pickup_codes.clean(pickup_codes.shown(new)) == new
    assert re.sub(r"\d", "d", pickup_codes.shown(new)) == shown
    delegate = pickup_codes.compute(PACKAGE, 1, 2, pickup_codes.DELEGATE_DIGITS)
    assert pickup_codes.clean(delegate) == delegate


def test_the_mac_binds_code_to_location() -> None:
    assert pickup_codes.macs(7, "48217730") != pickup_codes.macs(8, "48217730")
    assert pickup_codes.macs(7, "48217730") != pickup_codes.macs(7, "48217731")
    assert [len(mac) for mac in pickup_codes.macs(7, "48217730")] == [32]


def test_the_receipt_binds_code_nonce_and_location_and_is_no_mac() -> None:
    receipt = pickup_codes.receipt(7, "48217730", "n1")
    others = {
        pickup_codes.receipt(8, "48217730", "n1"),
        pickup_codes.receipt(7, "48217731", "n1"),
        pickup_codes.receipt(7, "48217730", "n2"),
        *pickup_codes.macs(7, "48217730"),
    }
    assert receipt == pickup_codes.receipt(7, "48217730", "n1")
    assert receipt not in others
    assert len(others) == 4


@pytest.mark.parametrize(
    "typed", ["48217730", "4821 7730", " 4821-7730 ", "4821\u00a07730", "48 21 77 30", "4821\t7730"]
)
def test_people_may_type_separators(typed: str) -> None:
    assert pickup_codes.clean(typed) == "48217730"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "4821773",
        "4821773012",
        "4821773O",
        "4821.7730",
        "+4821773",
        "\u0664\u0668\u0662\u0661\u0667\u0667\u0663\u0660",
        "48217730\x00",
        "\uff14\uff18\uff12\uff11\uff17\uff17\uff13\uff10",
        "\u00b2" * 8,
    ],
)
def test_what_can_be_no_code(typed: str) -> None:
    assert pickup_codes.clean(typed) is None


def test_shown_in_two_groups_that_can_be_typed_back() -> None:
    assert pickup_codes.shown("48217730") == "4821 7730"
    assert pickup_codes.clean(pickup_codes.shown("48217730")) == "48217730"


def test_codes_are_spread_evenly() -> None:
    """Chi-square of the first and last two digits of 20,000 codes: 99 degrees of freedom, p > 1e-5.

    The codes are computed from fixed ids, so the test always sees the same ones and never fails by chance.
    """
    made = [pickup_codes.compute(uuid.UUID(int=number), 1, 1) for number in range(20_000)]
    for part in (slice(0, 2), slice(6, 8)):
        counts = Counter(digits[part] for digits in made)
        expected = len(made) / 100
        chi_square = sum((counts[f"{pair:02d}"] - expected) ** 2 / expected for pair in range(100))
        assert 45 < chi_square < 170
    assert len(set(made)) > len(made) - 10
