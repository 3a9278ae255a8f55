"""Files with one JSON object per line, written by several processes and read from the end."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def append(path: Path, entry: Mapping[str, object]) -> None:
    """Append one line in a single write, so that lines of several processes do not mix."""
    line = json.dumps(entry, ensure_ascii=False).encode(errors="replace") + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Only its owner may read it, because messages contain addresses and codes.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(f"{path.name}: the line could not be written completely")
    finally:
        os.close(descriptor)


def read_backwards(
    path: Path, *, before: int | None = None, containing: str = ""
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the entries from the last to the first, each with the position at which its line begins.

    With `before`, only entries that begin before that position. With `containing`, only lines that contain
    that text, in ASCII letters of either case; the others are not even parsed. A file that does not exist has
    no entries; a line that is not a JSON object is skipped.
    """
    needle = json.dumps(containing, ensure_ascii=False)[1:-1].encode(errors="replace").lower()
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = len(content) if before is None else max(0, min(before, len(content)))
        while end > 0:
            start = content.rfind(b"\n", 0, end - 1) + 1
            line = content[start:end]
            if needle in line.lower():
                entry = _parse(line)
                if entry is not None:
                    yield start, entry
            end = start


def read_at(path: Path, position: int) -> dict[str, Any] | None:
    """Return the entry whose line begins at `position`; None if no line begins there."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if position > 0:
            file.seek(position - 1)
            if file.read(1) != b"\n":
                return None
        return _parse(file.readline())


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
