"""Fixtures for every test; the environment and the servers come from tests/servers.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.declared import answers_checked


@pytest.fixture(autouse=True, scope="session")
def _declared_answers() -> Iterator[None]:
    with answers_checked():
        yield
