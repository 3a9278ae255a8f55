"""Figures, medians, and how they compare with the bars in docs/performance.md."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """A measured value: its name, its median, and the value of every round."""

    what: str
    unit: str
    median: float
    rounds: list[float]
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """A ratio (or bound) with its first bar and its goal."""

    path: str
    value: float
    first_bar: float
    goal: float
    at_most: bool = False  # the bars are upper bounds

    def reaches(self, bar: float) -> bool:
        """Return whether the value is on the right side of the bar."""
        return self.value <= bar if self.at_most else self.value >= bar


@dataclass
class Report:
    """All results of a run."""

    figures: list[Figure] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, what: str, unit: str, rounds: list[float], note: str = "") -> float:
        """Record a value and return its median."""
        median = statistics.median(rounds)
        self.figures.append(Figure(what, unit, median, rounds, note))
        return median

    def judge(self, path: str, value: float, *, first_bar: float, goal: float, at_most: bool = False) -> None:
        """Record a ratio and its bars."""
        self.verdicts.append(Verdict(path, value, first_bar, goal, at_most))

    def fault(self, where: str, what: list[str]) -> None:
        """Record errors in the data or the answers; a run with errors proves nothing."""
        self.faults += [f"{where}: {one}" for one in what]

    def to_json(self, file: Path) -> None:
        """Write the report with the machine that it was measured on."""
        file.write_text(
            json.dumps(
                {
                    "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "cores": os.cpu_count(),
                    "python": platform.python_version(),
                    **asdict(self),
                },
                indent=1,
            )
        )

    def print(self, write: Callable[[str], object]) -> None:
        """Print two tables in Markdown, as in docs/performance.md."""
        write("| path | ratio | first bar | goal | |\n|---|---|---|---|---|\n")
        for one in self.verdicts:
            sign = "≤" if one.at_most else "≥"
            reached = (
                "goal reached"
                if one.reaches(one.goal)
                else "bar reached"
                if one.reaches(one.first_bar)
                else "missed"
            )
            write(
                f"| {one.path} | {_short(one.value)} | {sign} {_short(one.first_bar)} |"
                f" {sign} {_short(one.goal)} | {reached} |\n"
            )
        write("\n| what | median | rounds | |\n|---|---|---|---|\n")
        for figure in self.figures:
            rounds = " ".join(_short(value) for value in figure.rounds)
            write(f"| {figure.what} | {_short(figure.median)} {figure.unit} | {rounds} | {figure.note} |\n")
        if self.faults:
            write("\nFaults: this run proves nothing.\n")
        for fault in self.faults:
            write(f"- {fault}\n")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
