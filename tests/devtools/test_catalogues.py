"""The translations in `locale/` are complete."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Catalog, Message
from django.conf import settings
from django.utils import translation

from devtools import catalogues

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
HOURS = {
    "de": {1: "Um 1 Stunde verlängern", 2: "Um 2 Stunden verlängern", 21: "Um 21 Stunden verlängern"},
    "pl": {
        1: "Przedłuż o 1 godzinę",
        2: "Przedłuż o 2 godziny",
        5: "Przedłuż o 5 godzin",
        12: "Przedłuż o 12 godzin",
        21: "Przedłuż o 21 godzin",
        22: "Przedłuż o 22 godziny",
    },
    "et": {1: "Pikenda 1 tunni võrra", 2: "Pikenda 2 tunni võrra"},
    "lv": {
        0: "Pagarināt par 0 stundām",
        1: "Pagarināt par 1 stundu",
        2: "Pagarināt par 2 stundām",
        11: "Pagarināt par 11 stundām",
        21: "Pagarināt par 21 stundu",
    },
    "lt": {
        1: "Pratęsti 1 valandą",
        2: "Pratęsti 2 valandas",
        10: "Pratęsti 10 valandų",
        11: "Pratęsti 11 valandų",
        12: "Pratęsti 12 valandų",
        21: "Pratęsti 21 valandą",
        22: "Pratęsti 22 valandas",
    },
}
pytestmark = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def texts() -> Catalog:
    """Every translatable text."""
    return catalogues.template()


@pytest.fixture
def translations(language: str) -> Catalog:
    return catalogues.read(language)


def by_text(catalog: Catalog) -> dict[tuple[str | None, str], Message]:
    """Return the messages of a catalogue by context and singular."""
    return {
        (message.context, message.id if isinstance(message.id, str) else message.id[0]): message
        for message in catalog
        if message.id
    }


def forms(message: Message) -> list[str]:
    """Return every form of a translation."""
    return [message.string] if isinstance(message.string, str) else list(message.string or [""])


def marks(text: str) -> set[str]:
    """Return the placeholders and HTML tags of a text."""
    return set(re.findall(r"%\(\w+\)[a-z]|</?\w+>|%%", text))


def test_every_language_has_a_catalogue(language: str) -> None:
    assert catalogues.languages() == sorted(LANGUAGES)
    assert catalogues.po(language).exists()


def test_nothing_is_missing_or_left_over(texts: Catalog, translations: Catalog) -> None:
    """`make words` brings a catalogue up to date; then translate what is empty."""
    expected, actual = by_text(texts), by_text(translations)
    assert expected.keys() - actual.keys() == set(), "not in the catalogue"
    assert actual.keys() - expected.keys() == set(), "no longer in the sources"
    assert {key for key, message in actual.items() if not all(forms(message))} == set(), "not translated"
    assert {key for key, message in actual.items() if message.fuzzy} == set(), "fuzzy"


def test_plurals_have_all_their_forms(texts: Catalog, translations: Catalog) -> None:
    for key, message in by_text(translations).items():
        assert isinstance(by_text(texts)[key].id, str) == isinstance(message.id, str), key
        assert len(forms(message)) == (1 if isinstance(message.id, str) else translations.num_plurals), key


def test_each_number_has_its_plural_form(language: str) -> None:
    """Django chooses the form, and its own catalogues have other rules for the same languages."""
    with translation.override(language):
        texts = {
            number: translation.ngettext("Extend by 1 hour", "Extend by %(hours)s hours", number)
            % {"hours": number}
            for number in HOURS[language]
        }
    assert texts == HOURS[language]


def test_placeholders_and_tags_match_the_english(translations: Catalog) -> None:
    for key, message in by_text(translations).items():
        singular, *plural = [message.id] if isinstance(message.id, str) else message.id
        allowed = marks(singular).union(*map(marks, plural))
        for form in forms(message):
            assert marks(form) <= allowed, key
            assert marks(form) >= (marks(plural[0]) if plural else marks(singular)), key


def test_translations_are_tidy(translations: Catalog) -> None:
    for key, message in by_text(translations).items():
        english = message.id if isinstance(message.id, str) else message.id[-1]
        for form in forms(message):
            assert form == form.strip(), key
            assert not re.search("[\u00a0\u2007\u2009\u202f]|  ", form), key
            if key[0] is None:
                assert (english[-1] == ":") == (form[-1] == ":"), key


def test_the_compiled_file_is_up_to_date(language: str, translations: Catalog) -> None:
    """`make words` writes it."""
    compiled = catalogues.po(language).with_suffix(".mo").read_bytes()
    assert compiled == catalogues.compiled(translations)
