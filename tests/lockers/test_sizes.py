"""The list of compartment sizes has one home, and everything else follows it."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from pydantic import TypeAdapter

from lockers import layout
from lockers.models import Compartment, Size
from lockers.schemas import SizeName
from notifications.messages import Message
from notifications.text import rendering
from packages_app.models import Package, QueueEntry


def test_every_size_has_its_dimensions() -> None:
    assert list(settings.COMPARTMENT_SIZES) == Size.names


def test_larger_sizes_are_larger_in_every_way() -> None:
    """`Size` is compared as a number, so a package must also fit into every size above its own."""
    figures = [settings.COMPARTMENT_SIZES[size.name] for size in Size]
    for name in ("height_mm", "width_mm", "depth_mm", "max_weight_g"):
        assert [size[name] for size in figures] == sorted(size[name] for size in figures)


def test_the_api_takes_the_names_of_all_sizes_and_no_other() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(SizeName)
    assert adapter.json_schema() == {"enum": Size.names, "type": "string"}


@pytest.mark.parametrize("model", [Compartment, Package, QueueEntry])
def test_the_schema_takes_all_sizes_and_no_other(model: type[Any]) -> None:
    (check,) = (one for one in model._meta.constraints if one.name.endswith("_size"))
    assert check.condition.children == [("size__in", Size.values)]


def test_a_layout_has_a_number_for_each_size() -> None:
    assert layout.parse("/".join("1" for _ in Size)) == (1,) * len(Size)
    with pytest.raises(layout.LayoutError, match="small/medium/large"):
        layout.parse("/".join("1" for _ in [*Size, "one too many"]))


def test_a_layout_from_before_a_larger_size_makes_none_of_that_size() -> None:
    assert layout.parse("3/2/1") == (3, 2, 1, *[0] * (len(Size) - 3))


def test_managers_read_a_name_of_its_own_for_each_size_that_is_short() -> None:
    """The template names the sizes; one that it forgets would be told as another."""
    sizes = [
        {"size": size.name, "available": 1, "total": 20, "unverified": 2, "out_of_service": 3}
        for size in Size
    ]
    facts: dict[str, object] = {"recipient_name": "K", "location_name": "A", "sizes": sizes}
    text = rendering.email("location_nearly_full", Message(to="k@example.com", language="en", context=facts))
    named = [line.partition(":")[0] for line in text.body.splitlines() if ": free: 1" in line]
    assert named == [size.label for size in Size]
