"""The alphabet of a short SMS: in it one segment holds 160 characters, outside it 70."""

from __future__ import annotations

import unicodedata

BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = set("^{}\\[~]|€")  # each counts as two
ONE_SEGMENT = 160

# What has no accent to drop, and no letter of its own in the alphabet.
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
    """`text` in the alphabet as far as Latin letters can be, accents dropped where they must be.

    Polish, Estonian, Latvian and Lithuanian letters lose their marks (õ š ž ą ē ł, but not ä ö ü): the words
    stay readable, and a message stays one segment instead of three. Letters of other scripts stay as they
    are: a name in Greek or Cyrillic is worth more than a segment.
    """
    return "".join(letter if letter in BASIC or letter in EXTENDED else _plain(letter) for letter in text)


def length(text: str) -> int | None:
    """Places that `text` takes of the 160 in a segment; None where it is outside the alphabet."""
    if not all(letter in BASIC or letter in EXTENDED for letter in text):
        return None
    return _places(text)


def cut(text: str, places: int) -> str:
    """`text` within so many places of a segment, with three dots where something is missing."""
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
