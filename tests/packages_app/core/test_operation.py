"""What every operation has in common: one durable transaction, run again when another one was faster."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from common.operation import RUNS
from lockerportal.http.refusals import DatabaseUnavailable
from packages_app.core.idempotency import Receipt, fingerprint
from packages_app.core.operation import Operation
from packages_app.errors import IdempotencyConflict, IdempotencyRunning, UnknownPackage, WrongStatus
from packages_app.models import Courier, IdempotencyKey
from packages_app.payloads.answer import Answer
from tests.world import make_courier

pytestmark = pytest.mark.django_db


def answer_of(error: Exception) -> Answer:
    return Answer(getattr(error, "status", 0), {"code": getattr(error, "code", "")})


def receipt(courier: Courier, key: str | None = "k-1", body: bytes = b"{}") -> Receipt:
    return Receipt(courier_id=courier.pk, key=key, fingerprint=fingerprint("POST", "/x", body))


def test_it_runs_again_when_a_unique_constraint_refuses() -> None:
    runs = []

    @Operation
    def bring(*, code: str) -> Courier:
        runs.append(code)
        if len(runs) < 3:
            Courier.objects.create(code="lost", name="rolled back with its run")
            raise IntegrityError
        return Courier.objects.create(code=code, name="x")

    assert bring(code="dpd").code == "dpd"
    assert len(runs) == 3
    assert [courier.code for courier in Courier.objects.all()] == ["dpd"]


def test_it_does_not_run_for_ever() -> None:
    runs = []

    @Operation
    def bring() -> None:
        runs.append(1)
        raise IntegrityError

    with pytest.raises(IntegrityError):
        bring()
    assert len(runs) == RUNS


def test_a_refusal_rolls_back_and_is_not_run_again() -> None:
    runs = []

    @Operation
    def bring() -> None:
        runs.append(1)
        make_courier()
        raise UnknownPackage

    with pytest.raises(UnknownPackage):
        bring()
    assert len(runs) == 1
    assert not Courier.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_never_runs_inside_another_transaction() -> None:
    @Operation
    def bring() -> None:
        raise AssertionError("not reached")

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        bring()


def test_once_keeps_the_answer_and_repeats_it() -> None:
    courier, runs = make_courier(), []

    @Operation
    def work(*, word: str) -> str:
        runs.append(word)
        make_courier(f"work-{len(runs)}")
        return word

    def render(word: str) -> Answer:
        return Answer(201, {"word": word, "run": len(runs)})

    first = work.once(receipt(courier), render, answer_of, word="a")
    second = work.once(receipt(courier), render, answer_of, word="a")
    assert (first.status, first.body, first.replayed) == (201, {"word": "a", "run": 1}, False)
    assert (second.status, second.body, second.replayed) == (201, {"word": "a", "run": 1}, True)
    assert Courier.objects.filter(code__startswith="work").count() == 1


def test_without_a_key_nothing_is_kept() -> None:
    courier, runs = make_courier(), []

    @Operation
    def work() -> None:
        runs.append(1)

    for _ in range(2):
        answer = work.once(receipt(courier, None), lambda _: Answer(200, {}), answer_of)
        assert not answer.replayed
    assert len(runs) == 2
    assert not IdempotencyKey.objects.exists()


def test_a_refusal_is_kept_and_the_work_rolled_back() -> None:
    courier, runs = make_courier(), []

    @Operation
    def work() -> None:
        runs.append(1)
        Courier.objects.create(code="gls", name="x")
        raise WrongStatus(status="RETRIEVED")

    for replayed in (False, True):
        answer = work.once(receipt(courier), lambda _: Answer(200, {}), answer_of)
        assert (answer.status, answer.body, answer.replayed) == (409, {"code": "wrong_status"}, replayed)
    assert not Courier.objects.filter(code="gls").exists()


def test_a_refusal_that_may_pass_is_not_kept() -> None:
    courier, runs = make_courier(), []

    @Operation
    def work() -> str:
        runs.append(1)
        if len(runs) == 1:
            raise DatabaseUnavailable
        return "done"

    first = work.once(receipt(courier), lambda _: Answer(200, {}), answer_of)
    assert first.status == 503
    assert not IdempotencyKey.objects.exists()
    assert work.once(receipt(courier), lambda _: Answer(200, {}), answer_of).status == 200


def test_a_repeat_that_finds_it_busy_gets_the_earlier_answer_all_the_same() -> None:
    courier, runs = make_courier(), []

    @Operation
    def work() -> str:
        runs.append(1)
        if len(runs) > 1:
            raise DatabaseUnavailable
        return "done"

    for replayed in (False, True):
        answer = work.once(receipt(courier), lambda _: Answer(200, {}), answer_of)
        assert (answer.status, answer.replayed) == (200, replayed)


def test_an_answer_that_was_forgotten_in_between_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    courier = make_courier()

    @Operation
    def work() -> None:
        pass

    work.once(receipt(courier), lambda _: Answer(200, {}), answer_of)
    monkeypatch.setattr(Receipt, "earlier", lambda _: None)
    with pytest.raises(IdempotencyRunning):
        work.once(receipt(courier), lambda _: Answer(200, {}), answer_of)


def test_a_fault_of_ours_leaves_no_key_behind() -> None:
    courier = make_courier()

    @Operation
    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work.once(receipt(courier), lambda _: Answer(200, {}), answer_of)
    assert not IdempotencyKey.objects.exists()


def test_a_run_that_was_beaten_keeps_only_the_answer_of_the_last_one() -> None:
    courier, runs = make_courier(), []

    @Operation
    def work() -> int:
        runs.append(1)
        if len(runs) == 1:
            raise IntegrityError
        return len(runs)

    for replayed in (False, True):
        answer = work.once(receipt(courier), lambda run: Answer(200, {"run": run}), answer_of)
        assert (answer.body, answer.replayed) == ({"run": 2}, replayed)
    assert IdempotencyKey.objects.count() == 1


def test_another_request_under_the_key_is_refused_and_changes_no_answer() -> None:
    courier = make_courier()

    @Operation
    def work() -> None:
        pass

    work.once(receipt(courier), lambda _: Answer(200, {"n": 1}), answer_of)
    with pytest.raises(IdempotencyConflict):
        work.once(receipt(courier, body=b'{"a": 1}'), lambda _: Answer(200, {"n": 2}), answer_of)
    again = work.once(receipt(courier), lambda _: Answer(200, {"n": 3}), answer_of)
    assert (again.body, again.replayed) == ({"n": 1}, True)


def test_one_courier_s_key_is_not_another_s() -> None:
    @Operation
    def work() -> None:
        pass

    for courier in (make_courier("dpd"), make_courier("gls")):
        assert not work.once(receipt(courier), lambda _: Answer(200, {}), answer_of).replayed
