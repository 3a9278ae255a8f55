"""One private portal for each module; nothing of it is shared with the other tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from _pytest.terminal import TerminalReporter

from tests.chaos.stack import Stack, portal

Figures = Callable[[str], None]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Prepared, with no process of the portal started yet."""
    with portal(tmp_path_factory.mktemp("chaos")) as running:
        yield running


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """`figures("3 kills, …")`: a line for the end of the report, whatever else the test finds."""

    def note(text: str) -> None:
        request.node.user_properties.append(("chaos", text))

    return note


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """The figures of the runs."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", ()):
                if name == "chaos" and report.when == "call":
                    terminalreporter.write_line(f"{report.head_line}: {text}")
