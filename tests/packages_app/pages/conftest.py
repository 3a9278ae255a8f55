"""Two locations, and the manager of one of them."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.packages_app.pages.place import Place, make_manager, make_place, signed_in


@pytest.fixture
def mine() -> Place:
    return make_place("TLL-1", "dpd")


@pytest.fixture
def theirs() -> Place:
    return make_place("RIX-1", "ups")


@pytest.fixture
def manager(mine: Place) -> Client:
    return signed_in(make_manager(mine.location))
