"""How compartments are chosen and claimed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from common.refusals import BusyTryAgain
from common.sql import fetch
from lockers import allocation
from lockers.allocation import claim, claim_sql, size_for
from lockers.models import Compartment, Location, Size
from tests.world import door, make_location

Occupancy = Compartment.Occupancy
SMALL, MEDIUM, LARGE = Size.SMALL, Size.MEDIUM, Size.LARGE


def labels(location: Location, size: int, *, accessible: bool = False) -> list[str]:
    """Return the labels in the order in which packages of this size get them, until the location is full."""
    got: list[str] = []
    while True:
        with transaction.atomic():
            found = claim(
                location.pk,
                size=size,
                strategy=location.strategy,
                accessible=accessible,
                occupancy=Occupancy.OCCUPIED,
            )
        if found is None:
            return got
        got.append(found.label)


@pytest.mark.django_db
class TestStrategies:
    def test_best_fit_goes_up_and_never_down(self) -> None:
        assert labels(make_location("A"), SMALL) == ["S1", "S2", "M1", "M2", "L1", "L2"]
        assert labels(make_location("B"), MEDIUM) == ["M1", "M2", "L1", "L2"]
        assert labels(make_location("C"), LARGE) == ["L1", "L2"]

    def test_first_available_takes_the_exact_size(self) -> None:
        location = make_location(strategy="first_available")
        assert labels(location, SMALL) == ["S1", "S2"]
        assert labels(location, LARGE) == ["L1", "L2"]

    def test_every_strategy_of_the_model_has_a_function(self) -> None:
        assert set(allocation.STRATEGIES) == set(Location.Strategy.values)

    def test_only_doors_of_the_location(self) -> None:
        make_location("OTHER", small=9)
        assert len(labels(make_location("MINE", small=1, medium=0, large=0), SMALL)) == 1

    @pytest.mark.parametrize("occupancy", [Occupancy.RESERVED, Occupancy.OCCUPIED, Occupancy.UNVERIFIED])
    def test_only_empty_compartments_are_used(self, occupancy: Compartment.Occupancy) -> None:
        location = make_location(small=2, medium=0, large=0)
        Compartment.objects.filter(pk=door(location, "S1").pk).update(occupancy=occupancy)
        assert labels(location, SMALL) == ["S2"]

    def test_compartments_out_of_service_are_not_used(self) -> None:
        location = make_location(small=2, medium=0, large=0)
        door(location, "S1").take_out_of_service(by="test", reason="stuck", now=timezone.now())
        assert labels(location, SMALL) == ["S2"]

    def test_accessible(self) -> None:
        location = make_location()
        location.compartments.filter(label__in=["S2", "L1"]).update(accessible=True)
        assert labels(location, SMALL, accessible=True) == ["S2", "L1"]

    def test_exclude(self) -> None:
        location = make_location(small=2, medium=0, large=0)
        found = claim(
            location.pk,
            size=SMALL,
            strategy="best_fit",
            occupancy=Occupancy.OCCUPIED,
            exclude=door(location, "S1").pk,
        )
        assert found is not None
        assert found.label == "S2"

    @pytest.mark.parametrize("occupancy", [Occupancy.RESERVED, Occupancy.OCCUPIED])
    def test_the_claim_is_written(self, occupancy: Compartment.Occupancy) -> None:
        location = make_location(small=1)
        claim(location.pk, size=SMALL, strategy="best_fit", occupancy=occupancy)
        assert door(location, "S1").occupancy == occupancy


@pytest.mark.django_db
class TestClaimSql:
    """The SQL of a claim does the same as its queryset, for every strategy."""

    @pytest.mark.parametrize("strategy", Location.Strategy.values)
    @pytest.mark.parametrize("accessible", [False, True])
    @pytest.mark.parametrize("size", list(Size))
    def test_same_doors_in_the_same_order(self, strategy: str, accessible: bool, size: Size) -> None:
        location = make_location(small=3, medium=3, large=3, strategy=strategy)
        make_location("OTHER")
        location.compartments.filter(label__in=["S2", "S3", "M1", "L3"]).update(accessible=True)
        location.compartments.filter(label__in=["S3", "M2"]).update(occupancy=Occupancy.UNVERIFIED)
        door(location, "L1").take_out_of_service(by="test", reason="it's 100% stuck", now=timezone.now())

        sql = claim_sql(strategy, accessible=accessible)
        by_text = []
        with transaction.atomic():
            while rows := fetch(sql, {"location_id": location.pk, "size": int(size)}):
                found = Compartment.objects.get(pk=rows[0].id)
                found.hold(Occupancy.OCCUPIED)
                by_text.append(found.label)
            transaction.set_rollback(True)
        assert by_text == labels(location, size, accessible=accessible)

    @pytest.mark.parametrize("strategy", Location.Strategy.values)
    def test_locks_one_row_and_waits_for_none(self, strategy: str) -> None:
        sql = claim_sql(strategy, accessible=False)
        assert sql.endswith('LIMIT 1 FOR UPDATE OF "lockers_compartment" SKIP LOCKED')

    @pytest.mark.parametrize("strategy", Location.Strategy.values)
    def test_uses_the_index_of_free_doors_in_a_generic_plan(self, strategy: str) -> None:
        make_location(small=300)
        sql = claim_sql(strategy, accessible=False)
        numbered = sql.replace("%(location_id)s", "$1").replace("%(size)s", "$2")
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            cursor.execute("ANALYZE lockers_compartment")
            cursor.execute(f"PREPARE door_claim (bigint, smallint) AS {numbered}")
            try:
                cursor.execute("EXPLAIN EXECUTE door_claim (1, 1)")
                plan = "\n".join(line for (line,) in cursor.fetchall())
            finally:
                cursor.execute("DEALLOCATE door_claim")
        assert "compartment_free_idx" in plan


@pytest.mark.django_db(transaction=True)
class TestLockedDoors:
    def test_skips_a_compartment_that_is_locked(self) -> None:
        location = make_location(small=2, medium=0, large=0)
        with door_locked(location, "S1"), transaction.atomic():
            found = claim(location.pk, size=SMALL, strategy="best_fit", occupancy=Occupancy.OCCUPIED)
        assert found is not None
        assert found.label == "S2"

    def test_does_not_say_full_while_the_last_compartment_is_only_locked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(allocation, "FIRST_PAUSE_SECONDS", 0.0001)
        location = make_location(small=1, medium=0, large=0)
        with door_locked(location, "S1"), pytest.raises(BusyTryAgain), transaction.atomic():
            claim(location.pk, size=SMALL, strategy="best_fit", occupancy=Occupancy.OCCUPIED)
        assert labels(location, SMALL) == ["S1"]

    def test_gets_a_compartment_that_is_unlocked_in_the_meantime(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        location = make_location(small=1, medium=0, large=0)
        with door_locked(location, "S1") as let_go:
            monkeypatch.setattr("lockers.allocation.time.sleep", lambda seconds: let_go())
            assert labels(location, SMALL) == ["S1"]

    def test_waits_half_a_second_for_the_last_locked_compartment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        location = make_location(small=1, medium=0, large=0)
        slept = 0.0
        with door_locked(location, "S1") as let_go:

            def sleep(seconds: float) -> None:
                nonlocal slept
                slept += seconds
                if slept > 0.5:
                    let_go()

            monkeypatch.setattr("lockers.allocation.time.sleep", sleep)
            monkeypatch.setattr("lockers.allocation.random.uniform", lambda least, most: least)
            with transaction.atomic():
                found = claim(location.pk, size=SMALL, strategy="best_fit", occupancy=Occupancy.OCCUPIED)
        assert found is not None


@contextmanager
def door_locked(location: Location, label: str) -> Iterator[Callable[[], None]]:
    """Lock the compartment's row in another transaction, until the block ends or the result is called."""
    locked, finish = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Compartment.objects.lock(door(location, label).pk)
                locked.set()
                finish.wait(10)
        finally:
            connection.close()

    other = threading.Thread(target=hold)

    def let_go() -> None:
        finish.set()
        other.join(10)

    other.start()
    assert locked.wait(10)
    try:
        yield let_go
    finally:
        let_go()


class TestSizeFor:
    """Compartments are 80, 190 or 410 mm high, 380 wide and 640 deep inside, for 2, 10 or 30 kg."""

    @pytest.mark.parametrize(
        ("edges", "weight_g", "size"),
        [
            ((1, 1, 1), 1, SMALL),
            ((640, 380, 80), 2_000, SMALL),
            ((80, 640, 380), None, SMALL),  # turned
            ((380, 80, 640), None, SMALL),
            ((640, 380, 81), None, MEDIUM),
            ((640, 380, 80), 2_001, MEDIUM),
            ((640, 380, 190), 10_000, MEDIUM),
            ((640, 380, 191), None, LARGE),
            ((640, 380, 190), 10_001, LARGE),
            ((640, 410, 380), 30_000, LARGE),  # 410 is the height of the door
            ((640, 411, 380), None, None),
            ((641, 1, 1), None, None),
            ((641, 380, 410), None, None),
            ((411, 411, 1), None, None),
            ((410, 410, 381), None, None),
            ((400, 400, 100), None, LARGE),  # too wide to lie flat in a medium one
            ((1, 1, 1), 30_000, LARGE),
            ((1, 1, 1), 30_001, None),
            ((10_000, 10_000, 10_000), 1, None),
        ],
    )
    def test_smallest_size_that_fits(
        self, edges: tuple[int, int, int], weight_g: int | None, size: Size | None
    ) -> None:
        length, width, height = edges
        assert size_for(length_mm=length, width_mm=width, height_mm=height, weight_g=weight_g) is size

    def test_figures_are_settings(self, settings: Settings) -> None:
        settings.COMPARTMENT_SIZES = {
            name: {**inner, "depth_mm": 700} for name, inner in settings.COMPARTMENT_SIZES.items()
        }
        assert size_for(length_mm=700, width_mm=10, height_mm=10, weight_g=None) is SMALL
