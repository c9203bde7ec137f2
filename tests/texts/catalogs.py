"""Catalogs: what is marked in templates, views and scripts is collected, merged into each language, compiled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from orchestrator import env
from tests.texts.templates import ROOT, TEMPLATES

LOCALE = ROOT / "orchestrator" / "web" / "locale"
SCRIPTS = ROOT / "static" / "js"
PYTHON = ("orchestrator", "dags_app", "runs_app")
KEYWORDS = {
    **dict.fromkeys(("gettext", "gettext_lazy", "gettext_noop", "said", "_"), None),
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
MADE = datetime(2026, 1, 1, tzinfo=UTC)
"""Of every file: a date of its own would make it another at each run."""
PAGES, IN_SCRIPTS = "django", "djangojs"
"""The domains: of what the server says, and of what scripts say."""

_CALL = re.compile(r'\bn?gettext\("([^"]+)"(?:, "([^"]+)")?')
"""A text of a script: between double quotes, which it has none of."""

Found = tuple[str | tuple[str, ...], str | None, str]


def languages() -> list[str]:
    """Return the languages that there are catalogs of."""
    return sorted(path.name for path in LOCALE.iterdir() if path.is_dir())


def _templates() -> Iterator[Found]:
    for path in sorted(TEMPLATES.rglob("*.html")):
        # One statement a line, at its beginning: what stands around the marks is no Python.
        lines = (line.strip() for line in templatize(path.read_text()).splitlines())
        yield from _of("\n".join(lines), path)


def _python() -> Iterator[Found]:
    for room in PYTHON:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from _of(path.read_text(), path)


def _settings() -> Iterator[Found]:
    """What settings are: read from the environment before there is a language, translated where a page lists them."""
    texts = [each.help for each in env.SETTINGS] + [text for pair in env.READ_ELSEWHERE.values() for text in pair]
    for text in texts:
        if " " in text:
            yield text, None, "orchestrator/env.py"


def _scripts() -> Iterator[Found]:
    for path in sorted(SCRIPTS.glob("*.js")):
        for one, more in _CALL.findall(path.read_text()):
            yield (one, more) if more else one, None, path.relative_to(ROOT).as_posix()


def _of(source: str, path: Path) -> Iterator[Found]:
    for _, message, _, context in extract("python", BytesIO(source.encode()), keywords=KEYWORDS):
        # Without lines: they change with every commit, and say nothing that a search does not.
        yield message, context, path.relative_to(ROOT).as_posix()


def collected(domain: str) -> Catalog:
    """Return what is marked now, without translations."""
    catalog = Catalog()
    for message, context, place in [*_templates(), *_python(), *_settings()] if domain == PAGES else _scripts():
        catalog.add(message, locations=[(place, None)], context=context)
    return catalog


def catalog(language: str, domain: str) -> Catalog:
    """Return a language's catalog as it is kept; an empty one where there is none yet."""
    path = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, domain: str) -> Catalog:
    """Return a language's catalog with what is marked now: new texts are empty, those that are gone are dropped."""
    old = catalog(language, domain)
    new = collected(domain)
    old.update(new, no_fuzzy_matching=True, update_header_comment=False)
    old.obsolete.clear()
    return old


def as_po(found: Catalog) -> bytes:
    out = BytesIO()
    write_po(out, found, width=120, sort_output=True, omit_header=True, include_lineno=False)
    head = (
        f'{found.header_comment}\nmsgid ""\nmsgstr ""\n"Language: {found.locale_identifier}\\n"\n'
        f'"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {found.plural_forms}\\n"\n\n'
    )
    return head.encode() + out.getvalue()


def as_mo(found: Catalog) -> bytes:
    found.creation_date = found.revision_date = MADE
    out = BytesIO()
    write_mo(out, found)
    return out.getvalue()


def as_script(found: Catalog) -> str:
    """Return the texts of scripts as a file that is read before them."""
    texts = {_key(message): message.string for message in found if message.id and message.string}
    body = json.dumps(texts, ensure_ascii=False, indent=1, sort_keys=True)
    form = re.sub(r"[^n0-9()<>=!?:&|% ]", "", found.plural_expr)
    return (
        "// Made by `make texts` from the catalog of this language.\n"
        f"globalThis.orchestratorTexts = {{ form: (n) => Number({form}), texts: {body} }};\n"
    )


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def files(language: str) -> dict[Path, bytes]:
    """Return what the files of a language should hold."""
    folder = LOCALE / language / "LC_MESSAGES"
    pages, scripts = updated(language, PAGES), updated(language, IN_SCRIPTS)
    return {
        folder / f"{PAGES}.po": as_po(pages),
        folder / f"{IN_SCRIPTS}.po": as_po(scripts),
        folder / f"{PAGES}.mo": as_mo(pages),
        SCRIPTS / f"texts.{language}.js": as_script(scripts).encode(),
    }


def write() -> list[str]:
    """Bring all files up to date; return the names of those that changed."""
    changed = []
    for language in languages():
        for path, content in files(language).items():
            if not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                changed.append(path.relative_to(ROOT).as_posix())
    return changed
