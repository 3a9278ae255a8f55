"""What both tables are asked with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.http import HttpResponse


@contextmanager
def undone() -> Iterator[None]:
    """What the block writes is gone at its end; no `atomic`, inside which no operation runs."""
    before = transaction.savepoint()
    yield
    transaction.savepoint_rollback(before)


def seen(answer: HttpResponse, ids: Mapping[str, Any]) -> bytes:
    """Status, headers and body, without the ids that the caller has sent, and their length."""
    length = answer.headers.get("Content-Length")
    assert length in (None, str(len(answer.content)))
    whole = f"HTTP {answer.status_code}\r\n".encode() + answer.serialize()
    for name, value in ids.items():
        whole = whole.replace(str(value).encode(), f"<{name}>".encode())
    return re.sub(rb"Content-Length: \d+", b"", whole)
