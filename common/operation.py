"""The shape of everything that changes what the portal keeps.

- An `Operation` is one change: keyword arguments only, `by` (an `Actor`) and `now` among them, one durable
  transaction. It may call another one inside its own transaction, as `other.work(…)`, and in no other way.
- A `Sweep` does what is due by `now`, on nobody's behalf, in many transactions, and returns how much it did.
- A `Step` is one of the transactions of a sweep, private to its module.

`docs/how-to/add-an-operation.md` is the recipe; `tests/test_operations.py` holds everybody to the shape.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, ParamSpec, TypeVar

from django.db import IntegrityError, transaction

from common.refusals import BusyTryAgain

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# How often a transaction is run again when a unique constraint says that another one was faster.
RUNS = 4


class DoFirst(Exception):
    """Raised by an operation that can go on only after `work` was done, in transactions of its own.

    The operation is rolled back, then `work` is called, then the operation runs again from its beginning.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.work = work


class Step(Generic[P, R]):
    """Decorates a function that runs in a durable transaction: one of its own, never inside another one.

    When a unique constraint refuses a row, another transaction was faster: the function runs again, and sees
    what that one has done. `work` is the bare function, for who is in a transaction already.
    """

    def __init__(self, work: Callable[P, R]) -> None:
        self.work = work
        self.__doc__ = work.__doc__
        self.__name__ = work.__name__
        self.__module__ = work.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function in a transaction of its own."""
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
        """Return the transaction that the function runs in."""
        return transaction.atomic(durable=True)


class Operation(Step[P, R]):
    """Decorates the public function that makes one change, on behalf of the actor `by`, at `now`."""


class Sweep(Generic[P]):
    """Decorates the public function that does what is due by `now`; its name says so: `expire_due`.

    Any number of runs at once share the work, and a killed run is continued by the next one.
    """

    def __init__(self, work: Callable[P, int]) -> None:
        self.work = work
        self.__doc__ = work.__doc__
        self.__name__ = work.__name__
        self.__module__ = work.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> int:
        """Do what is due; return how much was done."""
        return self.work(*args, **kwargs)
