"""Maintain the catalogues in `locale/` without gettext's tools.

    python -m devtools.catalogues update|compile

`update` finds every text in templates and code, keeps existing translations, adds new texts without one,
removes texts that are gone, and compiles. `compile` writes the .mo file of each .po file.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

BASE = Path(__file__).resolve().parent.parent
LOCALE = BASE / "locale"
ROOMS = ("common", "lockerportal", "lockers", "notifications", "packages_app")
KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2), "pgettext_lazy": ((1, "c"), 2)}
KEYWORDS |= {"_": None}


def languages() -> list[str]:
    """Return the languages that have a catalogue: all but English, in which the texts are written."""
    return sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())


def po(language: str) -> Path:
    """Return the file with the translations into `language`."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """Return the translations into `language`."""
    with po(language).open("rb") as file:
        return read_po(file, locale=language)


def template() -> Catalog:
    """Return every translatable text in templates and code."""
    catalog = Catalog(project="Locker Portal")
    for path, source in _sources():
        texts = extract("python", io.BytesIO(source.encode()), KEYWORDS, [], {"encoding": "utf-8"})
        for _line, message, _comments, context in texts:
            catalog.add(message, locations=[(path, 0)], context=context)
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """Return the content of the .mo file."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update() -> None:
    """Bring every .po file up to date with the sources."""
    texts = template()
    for language in languages():
        catalog = read(language)
        catalog.update(texts, no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        with po(language).open("wb") as file:
            write_po(file, catalog, width=110, sort_output=True, include_lineno=False, omit_header=False)


def compile_all() -> None:
    """Write every .mo file."""
    for language in languages():
        po(language).with_suffix(".mo").write_bytes(compiled(read(language)))


def _sources() -> Iterator[tuple[str, str]]:
    """Yield path and Python-like content of every file that may contain texts."""
    for path in sorted((BASE / "templates").rglob("*.*")):
        # Django turns a template into something that parses as Python, except for its indentation.
        code = templatize(path.read_text(), origin=str(path))
        yield str(path.relative_to(BASE)), "\n".join(line.strip() for line in code.splitlines())
    for room in ROOMS:
        for path in sorted((BASE / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(BASE)), path.read_text()


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit status."""
    if arguments not in (["update"], ["compile"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if arguments == ["update"]:
        update()
    compile_all()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
