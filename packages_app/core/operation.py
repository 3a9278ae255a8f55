"""Operations whose answer is kept under the caller's Idempotency-Key, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar, cast

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from common import operation
from packages_app.core.idempotency import Receipt
from packages_app.errors import IdempotencyConflict, IdempotencyRunning, Refusal
from packages_app.payloads.answer import Answer

P = ParamSpec("P")
R = TypeVar("R")


class Operation(operation.Operation[P, R]):
    """Decorates the one public function of a module in `operations/`; see `common.operation`."""

    def once(
        self,
        receipt: Receipt,
        render: Callable[[R], Answer],
        refuse: Callable[[Refusal], Answer],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """Run it, and keep the answer under the request's Idempotency-Key in the same transaction.

        A repeat gets the kept answer and changes nothing: its work ends where the key turns out to be taken,
        and is rolled back. A refusal is an answer too (`refuse` makes it, after the rollback) and is kept,
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
            # Another transaction has locked what this one needs. It may be the first request with this key,
            # and answered by now.
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
        """Do the work and keep its answer: what `once` runs in the transaction."""
        return receipt.keep(render(self.work(*args, **kwargs)))


class OneStatement(Operation[P, R]):
    """Decorates an operation that writes with one statement, which is a transaction by itself.

    It keeps its answer in that statement: `once` gives the function one argument more, `keep`, which makes
    the parameters for that from a draft of the result.
    """

    @staticmethod
    def transaction() -> AbstractContextManager[None]:
        """Return no transaction but the statement's own. Raises `RuntimeError` inside another one."""
        return transaction.atomic(durable=True) if connection.in_atomic_block else nullcontext()

    def answered(
        self, receipt: Receipt, render: Callable[[R], Answer], /, *args: P.args, **kwargs: P.kwargs
    ) -> Answer:
        """Do the work and keep its answer in the same statement."""

        def keep(draft: R) -> dict[str, Any]:
            return {**receipt.row, "answer": receipt.text(render(draft))}

        more: Any = {"keep": keep} if receipt.keeps else {}
        with receipt.waiting_for_the_key():
            return render(self.work(*args, **kwargs, **more))


class Attempt(Operation[P, R]):
    """Decorates an operation that may fail and still has something to commit, such as a count.

    The function returns the refusal instead of raising it; the caller gets it raised, after the commit. It
    opens the transaction itself, unless its one statement is a transaction by itself.
    """

    def __init__(self, work: Callable[P, R | Refusal]) -> None:
        super().__init__(cast(Callable[P, R], work))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function, and raise the refusal that it returned."""
        outcome = self._run(lambda: self.work(*args, **kwargs))
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    @staticmethod
    def transaction() -> AbstractContextManager[None]:
        """Return no transaction: the function opens its own."""
        return nullcontext()
