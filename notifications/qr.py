"""A pickup code as a QR code, for the scanner of a kiosk."""

from __future__ import annotations

import io

import segno

# 21 by 21 squares hold 17 digits with the strongest error correction; no code is longer.
_SQUARES, _BORDER = 21, 4
_PIXELS_PER_SQUARE = 6
SIDE = (_SQUARES + 2 * _BORDER) * _PIXELS_PER_SQUARE


def png(code: str) -> bytes:
    """The digits of `code` and nothing else, black on white, as a PNG of `SIDE` by `SIDE` pixels.

    A scanner types what it reads as a keyboard would, so that digits are all that a kiosk must get.
    """
    digits = "".join(letter for letter in code if letter in "0123456789")
    # Any mask can be read; to look for the best one takes five times as long as all the rest.
    symbol = segno.make_qr(digits, error="h", version=1, mask=0, boost_error=False)
    picture = io.BytesIO()
    symbol.save(picture, kind="png", scale=_PIXELS_PER_SQUARE, border=_BORDER)
    return picture.getvalue()
