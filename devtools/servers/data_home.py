"""Where the servers' data lie: in their folder, or elsewhere if their user cannot reach it.

A checkout under /root, for example, cannot be reached by the unprivileged user that PostgreSQL runs as. The
data then go to a folder of their own, and the servers' folder points to it. No folder's mode is changed.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from devtools.servers.account import Account
from devtools.servers.errors import OWN_SERVERS, EmbeddedError


def find_home(folder: Path, account: Account) -> Path:
    """Return the folder for the servers' data: `folder` itself, or one elsewhere that `account` can reach.

    A folder elsewhere is recorded in `folder/elsewhere`, so that the next start finds it again.
    """
    if account.can_reach(folder):
        return folder
    pointer = folder / "elsewhere"
    if pointer.is_file():
        known = Path(pointer.read_text().strip())
        if _belongs_to(known, folder):
            return known
    for parent in (Path("/var/tmp"), Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp below
        if parent.is_dir() and account.can_reach(parent) and os.access(parent, os.W_OK):
            home = Path(tempfile.mkdtemp(prefix="locker-portal-", dir=parent))
            home.chmod(0o711)
            (home / "belongs-to").write_text(str(folder))
            pointer.write_text(str(home))
            return home
    raise EmbeddedError(
        f"User {account.name} can reach neither {folder} nor a temporary folder. " + OWN_SERVERS
    )


def discard_home(folder: Path) -> None:
    """Delete the folder that `find_home` created elsewhere for `folder`, if there is one."""
    pointer = folder / "elsewhere"
    if pointer.is_file():
        elsewhere = Path(pointer.read_text().strip())
        if _belongs_to(elsewhere, folder):
            shutil.rmtree(elsewhere)
        pointer.unlink()


def _belongs_to(elsewhere: Path, folder: Path) -> bool:
    """Return whether `elsewhere` was created for `folder`; a copied checkout points to the original's."""
    try:
        info = elsewhere.lstat()
        owner = (elsewhere / "belongs-to").read_text()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and owner == str(folder)
