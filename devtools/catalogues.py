"""The catalogues under `locale/`, without gettext's own tools: python -m devtools.catalogues update|compile

`update` finds every text in templates and code, keeps the translations that there are, adds what is new as
empty, drops what nobody says any more, and compiles. `compile` writes the .mo of each .po.
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
ROOMS = ("lockerportal", "lockers", "notifications", "packages_app")
KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2), "pgettext_lazy": ((1, "c"), 2)}
KEYWORDS |= {"_": None}


def languages() -> list[str]:
    """Those that have a catalogue: all but English, in which the texts are written."""
    return sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())


def po(language: str) -> Path:
    """Where the translations into `language` are."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The translations into `language`."""
    with po(language).open("rb") as file:
        return read_po(file, locale=language)


def template() -> Catalog:
    """Every text that the portal's templates and code can say in other languages."""
    catalog = Catalog(project="Locker Portal")
    for path, source in _sources():
        found = extract("python", io.BytesIO(source.encode()), KEYWORDS, [], {"encoding": "utf-8"})
        for _line, message, _comments, context in found:
            catalog.add(message, locations=[(path, 0)], context=context)
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """The bytes of the .mo file."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update() -> None:
    """Bring every .po up to what the sources say."""
    texts = template()
    for language in languages():
        catalog = read(language)
        catalog.update(texts, no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        with po(language).open("wb") as file:
            write_po(file, catalog, width=110, sort_output=True, include_lineno=False, omit_header=False)


def compile_all() -> None:
    """Write every .mo anew."""
    for language in languages():
        po(language).with_suffix(".mo").write_bytes(compiled(read(language)))


def _sources() -> Iterator[tuple[str, str]]:
    """Path and Python-like text of every file in which texts may stand."""
    for path in sorted((BASE / "templates").rglob("*.*")):
        # Django turns a template into something that reads like Python, but for its indentation.
        code = templatize(path.read_text(), origin=str(path))
        yield str(path.relative_to(BASE)), "\n".join(line.strip() for line in code.splitlines())
    for room in ROOMS:
        for path in sorted((BASE / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(BASE)), path.read_text()


def main(arguments: list[str]) -> int:
    """Do what is asked."""
    if arguments not in (["update"], ["compile"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if arguments == ["update"]:
        update()
    compile_all()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
