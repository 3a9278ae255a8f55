"""How long and how often to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The size of a run. `quick` only shows that everything runs; its figures prove nothing."""

    rounds: int = 5
    seconds: float = 4
    warm_up: float = 3
    sweep_packages: int = 100_000
    messages: int = 2_000
    backlog: int = 50_000
    old_packages: int = 20_000

    @classmethod
    def quick(cls) -> Options:
        """Return options for one short round of everything."""
        return cls(
            rounds=1,
            seconds=2,
            warm_up=1,
            sweep_packages=10_000,
            messages=400,
            backlog=20_000,
            old_packages=2_000,
        )
