"""Create or update `.venv`.

    python3 devtools/make_venv.py requirements.txt [more…]

Uses the standard library only. Installs with hashes, and only if the requirements or the Python have changed.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
VENV = BASE / ".venv"
PYTHON = VENV / "bin" / "python"
VERSION = sys.version_info[:2]
# The files pin every package, so pip resolves nothing. Wheels only: a new machine may have no compiler.
INSTALL = ["install", "--require-hashes", "--only-binary", ":all:", "--no-deps", "--progress-bar", "off"]


def say(text: str, *, end: str = "\n") -> None:
    """Print text for the person at the terminal, without buffering."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def is_usable() -> bool:
    """Return whether `.venv` is complete and belongs to this version of Python."""
    check = f"import sys, pip; sys.exit(sys.version_info[:2] != {VERSION})"
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0


def create() -> None:
    """Create `.venv`, also on Debian without python3-venv, where `ensurepip` is missing."""
    if is_usable():
        return
    say(f"Creating .venv with Python {VERSION[0]}.{VERSION[1]}", end=" … ")
    venv = [sys.executable, "-m", "venv", "--clear"]
    status = subprocess.run([*venv, VENV], capture_output=True, check=False).returncode
    if status != 0 or not is_usable():
        without_pip = subprocess.run([*venv, "--without-pip", VENV], check=False).returncode
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"]
        if without_pip != 0 or subprocess.run(pip, check=False).returncode != 0:
            sys.exit("\nCould not create .venv: this Python needs its venv module and pip (22.3 or later).")
    say("done")


def digest(file: Path) -> str:
    """Return a hash of all that the packages of one file depend on: its pins and the Python."""
    return hashlib.sha256(sys.version.encode() + file.read_bytes()).hexdigest()


def pinned(files: list[Path]) -> int:
    """Return how many packages the files pin."""
    lines = [line for file in files for line in file.read_text().splitlines()]
    return len({line.split("==")[0] for line in lines if "==" in line and line[0].isalnum()})


def install(files: list[Path]) -> None:
    """Install the pinned packages unless they are installed already."""
    stamps = {VENV / f"installed-{file.name}": digest(file) for file in files}
    if all(stamp.exists() and stamp.read_text() == expected for stamp, expected in stamps.items()):
        return
    total = pinned(files)
    say(f"Installing up to {total} packages")
    if pip_install(files, total) != 0:
        sys.exit("The packages could not be installed; the last lines of pip are above.")
    for stamp, expected in stamps.items():
        stamp.write_text(expected)


def pip_install(files: list[Path], total: int) -> int:
    """Run pip with short progress lines, and show its last output if it fails."""
    requirements = [part for file in files for part in ("-r", str(file))]
    command = [str(PYTHON), "-m", "pip", *INSTALL, "--disable-pip-version-check", *requirements]
    terminal = sys.stdout.isatty()
    lines: list[str] = []
    seen = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            lines.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                name = line.removeprefix("Requirement already satisfied: ").removeprefix("Collecting ")
                if terminal:
                    say(f"\r\033[K  {seen}/{total} {name.split('==')[0]}", end="")
                elif seen % 10 == 0:
                    say(f"  {seen}/{total}")
            elif line.startswith("Installing collected packages"):
                say(("\r\033[K" if terminal else "") + "  unpacking", end=" … ")
    outcome = "done" if pip.returncode == 0 else "failed"
    say(f"\r\033[K  {outcome}" if terminal else outcome)
    if pip.returncode != 0:
        say("".join(lines[-30:]))
    return pip.returncode


if __name__ == "__main__":
    create()
    install([BASE / name for name in sys.argv[1:]])
