"""Every operation and every sweep of the portal has the same shape: see `common/operation.py`."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import common.actor
import lockers.operations
from common.operation import Operation, Step, Sweep
from packages_app import operations, tasks
from packages_app.core import idempotency
from packages_app.core.actor import Actor, Caller
from packages_app.operations import webhooks


def modules_of_operations() -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(operations.__path__, f"{operations.__name__}."):
        if not module.ispkg:
            yield importlib.import_module(module.name)


def own(module: ModuleType) -> dict[str, Any]:
    """What the module defines."""
    return {name: value for name, value in vars(module).items() if is_from(value, module)}


def is_from(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", "") == module.__name__ and (
        isinstance(value, Step | Sweep) or inspect.isfunction(value)
    )


MODULES = list(modules_of_operations())
ALL = {
    f"{module.__name__}.{name}": value
    for module in [*MODULES, lockers.operations, idempotency]
    for name, value in own(module).items()
    if isinstance(value, Step | Sweep)
}
OPERATIONS = {name: value for name, value in ALL.items() if isinstance(value, Operation)}
SWEEPS = {name: value for name, value in ALL.items() if isinstance(value, Sweep)}
STEPS = {name: value for name, value in ALL.items() if type(value) is Step}


def arguments(decorated: Step[..., Any] | Sweep[...]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(decorated.work).parameters)


def test_there_are_many() -> None:
    assert len(OPERATIONS) > 30
    assert len(SWEEPS) > 10
    assert len(STEPS) > 5


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name: str) -> None:
    """Keyword arguments only; on behalf of an actor, at a moment."""
    operation = OPERATIONS[name]
    hints = {name: hint for name, hint in get_type_hints(operation.work).items() if name != "return"}
    assert {parameter.kind for parameter in arguments(operation).values()} == {inspect.Parameter.KEYWORD_ONLY}
    for required, types in (("by", (Actor, common.actor.Actor)), ("now", (datetime,))):
        assert hints[required] in types
        assert arguments(operation)[required].default is inspect.Parameter.empty
    assert Caller not in hints.values()
    assert not operation.__name__.startswith("_"), "a private transaction is a Step"
    assert "due" not in operation.__name__.split("_")


@pytest.mark.parametrize("name", SWEEPS)
def test_sweep(name: str) -> None:
    """What is due by a moment; the rest of its arguments need not be given. Returns how much was done."""
    sweep = SWEEPS[name]
    first, *others = arguments(sweep).values()
    hints = get_type_hints(sweep.work)
    assert (first.name, hints["now"], hints["return"]) == ("now", datetime, int)
    assert {parameter.kind for parameter in (first, *others)} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(parameter.default is not inspect.Parameter.empty for parameter in others)
    assert "by" not in arguments(sweep)
    assert sweep.__name__.endswith("_due")


@pytest.mark.parametrize("name", STEPS)
def test_step(name: str) -> None:
    step = STEPS[name]
    assert step.__name__.startswith("_"), "what others may call is an operation or a sweep"
    assert {parameter.kind for parameter in arguments(step).values()} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.partition(".operations.")[2])
def test_module(module: ModuleType) -> None:
    """It has one public function, called like the module, which its package exports."""
    name = module.__name__.rpartition(".")[2]
    assert [public for public in own(module) if not public.startswith("_")] == [name]
    exported_by = webhooks if ".webhooks." in module.__name__ else operations
    assert getattr(exported_by, name) is getattr(module, name)
    assert name in exported_by.__all__


def test_compartments() -> None:
    """The same in the one module of lockers."""
    public = {name: value for name, value in own(lockers.operations).items() if not name.startswith("_")}
    assert {type(value) for value in public.values()} == {Operation, Sweep}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.partition(".operations.")[2])
def test_one_operation_calls_another_inside_its_own_transaction(module: ModuleType) -> None:
    """As `other.work(…)`. A sweep has no transaction of its own, and calls operations as everybody does."""
    if any(isinstance(value, Sweep) for value in own(module).values()):
        return
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text())
    others = {name for name, value in vars(module).items() if isinstance(value, Operation)} - set(own(module))
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in others]
    worked = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "work" and isinstance(node.value, ast.Name)
    ]
    assert {id(node) for node in used} <= {id(node) for node in worked}


def test_every_job_runs_sweeps_of_these() -> None:
    """But for the statistics, which change no package."""
    names = {sweep.__name__ for sweep in SWEEPS.values()} - {"put_back_due"}
    source = inspect.getsource(tasks)
    called = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr.endswith("_due")
    }
    assert called == names
