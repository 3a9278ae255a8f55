"""Child processes that stop when their parent does, even after `kill -9`. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000


def spawn(
    command: Sequence[str | Path],
    *,
    log: IO[bytes] | int,
    death_signal: signal.Signals,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    user: int | None = None,
    group: int | None = None,
    appear_as: int | None = None,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session, as `user` and `group` if they are given, writing to `log`.

    The kernel sends it `death_signal` when the calling *thread* ends, so call this from a thread that
    lives as long as the child should. `appear_as` is the user id that the child sees as its own, for programs
    that refuse an id without a name. Raises SubprocessError if the kernel does not allow that.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()
    own = os.getuid()

    def stop_with_parent() -> None:
        # Popen runs this after setuid, which would clear the signal. If the parent died before this line,
        # no signal will come.
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        if appear_as is not None:
            if libc.unshare(_CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            Path("/proc/self/uid_map").write_text(f"{appear_as} {own} 1")

    return subprocess.Popen(  # noqa: S603 - our own commands
        command,
        stdin=stdin,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        user=user,
        group=group,
        extra_groups=[] if user is not None else None,
        start_new_session=True,
        preexec_fn=stop_with_parent if sys.platform == "linux" else None,
    )


def stop_with_parent(number: signal.Signals) -> None:
    """Make the kernel send `number` to this process when its parent ends, however it ends."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent or parent == 1:
        os.kill(os.getpid(), number)


def stop(process: subprocess.Popen[bytes], signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, wait its number of seconds for `process` to end, and finally send SIGKILL."""
    for number, seconds in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
        process.wait()


def working_in(folder: Path) -> Iterator[int]:
    """Yield the ids of the processes whose working directory is `folder`, as far as permissions allow."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if os.readlink(entry / "cwd") == str(folder):
                    yield int(entry.name)
            except OSError:  # it has ended, or it is another user's
                continue


def end_leftovers(folder: Path, *, grace_seconds: float = 5.0) -> None:
    """Wait for processes that still use `folder` after their parent was killed, then kill them.

    Raises TimeoutError if one survives even that.
    """
    deadline = time.monotonic() + grace_seconds
    killed = False
    while pids := [pid for pid in working_in(folder) if pid != os.getpid()]:
        if time.monotonic() > deadline:
            if killed:
                raise TimeoutError(f"processes {pids} still use {folder}")
            for pid in pids:
                _kill(pid)
            killed, deadline = True, time.monotonic() + grace_seconds
        time.sleep(0.05)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def group_members(groups: Iterable[int]) -> set[int]:
    """Return the ids of the living processes in any of the process groups; a zombie is not alive."""
    wanted = set(groups)
    members = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                # The name in parentheses may contain spaces and parentheses; state and group follow it.
                state, _, group, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue
            if int(group) in wanted and state != "Z":
                members.add(int(entry.name))
    return members


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether `condition` became true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
