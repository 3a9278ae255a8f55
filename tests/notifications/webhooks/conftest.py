"""Fixtures that several modules of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notifications.endpoint_sink import EndpointSink, endpoint_sink


@pytest.fixture
def sink() -> Iterator[EndpointSink]:
    with endpoint_sink() as server:
        yield server
