"""The GSM-7 alphabet of SMS: a segment holds 160 of its characters, but only 70 of any others."""

from __future__ import annotations

import unicodedata

BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = set("^{}\\[~]|€")  # each counts as two
ONE_SEGMENT = 160

# Characters that are not in the alphabet and are not just a letter with an accent.
_PLAIN = str.maketrans(
    {
        "\u00a0": " ", "\u202f": " ", "\u2007": " ", "\u2009": " ", "\t": " ",
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"',
        "\u00ab": '"', "\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-",
        "\u2026": "...", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "œ": "oe", "Œ": "OE",
        "\u0131": "i", "ħ": "h",
    }
)  # fmt: skip


def to_gsm7(text: str) -> str:
    """Return `text` in the alphabet as far as it is written in Latin letters, dropping accents where needed.

    Polish, Estonian, Latvian and Lithuanian letters lose their marks (õ š ž ą ē ł, but not ä ö ü): the words
    stay readable, and a message takes one segment instead of three. Letters of other scripts stay as they
    are, because a name in Greek or Cyrillic is worth another segment.
    """
    return "".join(letter if letter in BASIC or letter in EXTENDED else _plain(letter) for letter in text)


def length(text: str) -> int | None:
    """Return how many of the 160 places in a segment `text` takes; None where it is outside the alphabet."""
    if not all(letter in BASIC or letter in EXTENDED for letter in text):
        return None
    return _places(text)


def cut(text: str, places: int) -> str:
    """Return `text` shortened to `places` of a segment, with three dots where something is missing."""
    text = to_gsm7(text)
    if _places(text) <= places:
        return text
    while _places(text) > places - 3:
        text = text[:-1]
    return text.rstrip(" ,.-") + "..."


def _places(text: str) -> int:
    return len(text) + sum(letter in EXTENDED for letter in text)


def _plain(letter: str) -> str:
    letter = letter.translate(_PLAIN)
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return base if base and length(base) is not None else letter
