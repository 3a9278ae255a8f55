"""Files and pages that the docs name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
ROOMS = ("bench", "bin", "common", "devtools", "docs", "examples", "lockerportal", "lockers", "notifications")
FILES = [
    path.relative_to(ROOT).as_posix()
    for room in (*ROOMS, "packages_app", "static", "templates", "tests")
    for path in (ROOT / room).rglob("*")
    if "__pycache__" not in path.parts
]


def is_there(name: str) -> bool:
    """Return whether a file or folder has this path, or one that ends with it; `make run` makes `var`."""
    name = name.rstrip("/")
    return name == "var" or any(path == name or path.endswith(f"/{name}") for path in FILES)


# A recipe tells of files that do not exist yet; the changelog, of those that are gone.
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.parent.name != "how-to" and page.name != "CHANGELOG.md"],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_files_named_in_the_docs_exist(page: Path) -> None:
    named = set(re.findall(r"`([\w./-]+\.py|[a-z_]+/[a-z_/]*/?)`", page.read_text()))
    assert {name for name in named if not is_there(name)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = {
        link for link in links if "://" not in link and "…" not in link and not (page.parent / link).exists()
    }
    assert missing == set()
