"""The user that the embedded servers run as.

PostgreSQL refuses to run as root. Root therefore starts it as an existing user without privileges; no user is
created.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from devtools.servers.errors import OWN_SERVERS, EmbeddedError

_CANDIDATES = ("nobody", "daemon")


@dataclass(frozen=True)
class Account:
    """A user to run the servers as; `uid` is None if that is the user who starts them."""

    name: str
    uid: int | None = None
    gid: int | None = None
    appear_as: int | None = None  # the user id to show to initdb, which insists on one that has a name

    def can_reach(self, path: Path) -> bool:
        """Return whether this user may enter every folder from / down to `path`, including `path`."""
        if self.uid is None:
            return True
        return all(self._may_enter(folder) for folder in (path, *path.parents))

    def _may_enter(self, folder: Path) -> bool:
        info = folder.stat()
        if info.st_uid == self.uid:
            return bool(info.st_mode & stat.S_IXUSR)
        if info.st_gid == self.gid:
            return bool(info.st_mode & stat.S_IXGRP)
        return bool(info.st_mode & stat.S_IXOTH)


def choose_account() -> Account:
    """Return the user to run the servers as. Raises EmbeddedError if there is none."""
    unprivileged = _unprivileged()
    if os.getuid() != 0:
        try:
            return Account(name=pwd.getpwuid(os.getuid()).pw_name)
        except KeyError:
            return Account(name=str(os.getuid()), appear_as=unprivileged.pw_uid if unprivileged else None)
    if unprivileged:
        return Account(name=unprivileged.pw_name, uid=unprivileged.pw_uid, gid=unprivileged.pw_gid)
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(_CANDIDATES)} to run it as. "
        + OWN_SERVERS
    )


def _unprivileged() -> pwd.struct_passwd | None:
    for name in _CANDIDATES:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None
