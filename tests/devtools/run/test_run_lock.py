"""The lock of a checkout names the portal that runs in it."""

from __future__ import annotations

from pathlib import Path

from devtools.run.run_lock import lock, running_at


def test_nothing_runs_in_a_new_checkout(tmp_path: Path) -> None:
    assert running_at(tmp_path) is None


def test_a_running_portal_is_found_by_its_address(tmp_path: Path) -> None:
    with lock(tmp_path) as lock_file:
        lock_file.write("process 1, http://127.0.0.1:8000")
        lock_file.flush()
        assert running_at(tmp_path) == "http://127.0.0.1:8000"
    assert running_at(tmp_path) is None  # the file is still there, but nobody owns the lock
