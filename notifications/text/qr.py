"""Draw a pickup code as a QR code, for the scanner of a kiosk."""

from __future__ import annotations

import struct
import zlib

import segno

# 21 by 21 squares hold 17 digits with the strongest error correction; no code is longer.
_SQUARES, _BORDER = 21, 4
_PIXELS_PER_SQUARE = 6
_WHITE_IS_ONE = bytes.maketrans(b"\0\1", b"10")
SIDE = (_SQUARES + 2 * _BORDER) * _PIXELS_PER_SQUARE


def png(code: str) -> bytes:
    """Return the digits of `code` and nothing else, black on white, as a PNG of `SIDE` by `SIDE` pixels.

    A scanner types what it reads like a keyboard, so the kiosk must get nothing but digits.
    """
    digits = "".join(letter for letter in code if letter in "0123456789")
    # Any mask can be read, and searching for the best one takes five times as long as everything else.
    symbol = segno.make_qr(digits, error="h", version=1, mask=0, boost_error=False)
    # segno can write PNGs but takes six times as long, and each email with a code contains one.
    white = bytes(_BORDER)
    rows = [bytes(_SQUARES + 2 * _BORDER)] * _BORDER
    rows += [white + bytes(row) + white for row in symbol.matrix] + rows
    return _picture(b"".join(_line(row) * _PIXELS_PER_SQUARE for row in rows))


def _line(row: bytes) -> bytes:
    """Return one line of pixels, one bit each with 1 for white, after the byte that means "no filter"."""
    bits = row.translate(_WHITE_IS_ONE)
    for bit in (b"0", b"1"):
        bits = bits.replace(bit, bit * _PIXELS_PER_SQUARE)
    width = -(-SIDE // 8)
    return b"\0" + int(bits.ljust(width * 8, b"0"), 2).to_bytes(width, "big")


def _picture(lines: bytes) -> bytes:
    """Return a PNG with one bit per pixel."""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
