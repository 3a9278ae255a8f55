"""What every operation has in common: one durable transaction, and a kept answer where a key asks for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from packages_app.core.idempotency import Receipt
from packages_app.errors import BusyTryAgain, IdempotencyConflict, IdempotencyRunning, Refusal
from packages_app.payloads.answer import Answer

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# How often a transaction is run again when a unique constraint says that another one was faster.
RUNS = 4


class DoFirst(Exception):
    """Raised by an operation that can go on only after `work` was done, in transactions of its own.

    The operation is rolled back, then comes `work`, then the operation from its beginning.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.work = work


class Operation(Generic[P, R]):
    """Decorates the one public function of a module in `operations/`.

    Calling it runs the function in a transaction of its own (`durable`: never inside another one). When a
    unique constraint refuses a row, another transaction was faster; running again sees what it has done.
    """

    def __init__(self, work: Callable[P, R]) -> None:
        self.work = work
        self.__doc__ = work.__doc__
        self.__name__ = work.__name__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._run(lambda: self.work(*args, **kwargs))

    def _run(self, work: Callable[[], T]) -> T:
        for run in range(RUNS):
            try:
                with self.transaction():
                    return work()
            except IntegrityError:
                if run == RUNS - 1:
                    raise
            except DoFirst as first:
                if run == RUNS - 1:
                    raise BusyTryAgain from None
                first.work()
        raise AssertionError("unreachable")

    @staticmethod
    def transaction() -> AbstractContextManager[None]:
        """What the work is done in."""
        return transaction.atomic(durable=True)

    def once(
        self,
        receipt: Receipt,
        render: Callable[[R], Answer],
        refuse: Callable[[Refusal], Answer],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """The same, with the answer kept under the request's Idempotency-Key in the same transaction.

        A repeat gets the kept answer and changes nothing: its work ends where the key turns out to be taken,
        and is rolled back. A refusal is an answer too (`refuse` makes it, after the roll-back) and is kept,
        unless trying again may help (5xx).
        Raises `IdempotencyConflict` and `IdempotencyRunning`.
        """

        def work() -> Answer:
            return self.answered(receipt, render, *args, **kwargs)

        try:
            return receipt.or_earlier(lambda: self._run(work))
        except (IdempotencyConflict, IdempotencyRunning):
            raise
        except OperationalError as error:
            # Somebody held what was needed: perhaps the first request with this key, perhaps it is answered.
            earlier = receipt.earlier() if isinstance(error.__cause__, LockNotAvailable) else None
            if earlier is None:
                raise
            return earlier
        except Refusal as refusal:
            answer = refuse(refusal)
            if refusal.status >= 500:
                return receipt.earlier() or answer
            return receipt.or_earlier(lambda: self._run(lambda: receipt.keep(answer)))

    def answered(
        self, receipt: Receipt, render: Callable[[R], Answer], /, *args: P.args, **kwargs: P.kwargs
    ) -> Answer:
        """The work, and its answer kept; what `once` does in the transaction."""
        return receipt.keep(render(self.work(*args, **kwargs)))


class OneStatement(Operation[P, R]):
    """Decorates an operation that writes with one statement: outside of others that is a transaction.

    It keeps its answer in that statement: `once` gives the function one argument more, `keep`, which makes
    the parameters for that from a draft of the result.
    """

    @staticmethod
    def transaction() -> AbstractContextManager[None]:
        """None but the statement's own. Raises `RuntimeError` inside another one, as `durable` does."""
        return transaction.atomic(durable=True) if connection.in_atomic_block else nullcontext()

    def answered(
        self, receipt: Receipt, render: Callable[[R], Answer], /, *args: P.args, **kwargs: P.kwargs
    ) -> Answer:
        """As `Operation.answered`."""

        def keep(draft: R) -> dict[str, Any]:
            return {**receipt.row, "answer": receipt.text(render(draft))}

        more: Any = {"keep": keep} if receipt.keeps else {}
        with receipt.waiting_for_the_key():
            return render(self.work(*args, **kwargs, **more))
