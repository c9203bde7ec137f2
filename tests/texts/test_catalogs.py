"""The catalogs hold each text, once, whole, with what is put into it."""

from __future__ import annotations

import gettext
import re

import pytest
from babel.messages.catalog import Message
from django.conf import settings
from django.utils import translation
from django.utils.formats import localize

from tests.texts import catalogs

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
BOTH = [(language, domain) for language in LANGUAGES for domain in (catalogs.PAGES, catalogs.IN_SCRIPTS)]
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}")


def forms(message: Message) -> list[tuple[str, str]]:
    """Return each text with its translation; of a pair the plural is what both forms are held against."""
    if isinstance(message.id, str):
        return [(message.id, message.string)]
    return [
        (message.id[0] if len(message.string) > 1 and place == 0 else message.id[1], text)
        for place, text in enumerate(message.string)
    ]


def test_each_language_that_can_be_chosen_has_catalogs():
    assert catalogs.languages() == sorted(LANGUAGES)


@pytest.mark.parametrize(("language", "domain"), BOTH)
def test_each_text_that_is_marked_is_translated(language: str, domain: str):
    marked = {(message.id, message.context) for message in catalogs.collected(domain) if message.id}
    kept = {(message.id, message.context): message for message in catalogs.catalog(language, domain) if message.id}
    assert not marked - kept.keys(), "run `make texts` and translate these"
    assert not kept.keys() - marked, "run `make texts`: these are gone"
    for message in kept.values():
        assert not message.fuzzy, message.id
        assert all(text for _, text in forms(message)), message.id


@pytest.mark.parametrize(("language", "domain"), BOTH)
def test_a_translation_puts_in_what_the_text_puts_in(language: str, domain: str):
    for message in catalogs.catalog(language, domain):
        for text, translated in forms(message) if message.id else []:
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(translated)), translated


@pytest.mark.parametrize(("language", "domain"), BOTH)
def test_a_translation_brings_no_markup_of_its_own(language: str, domain: str):
    """It is put into pages as it is, into attributes too: a quote would end one."""
    for message in catalogs.catalog(language, domain):
        for text, translated in forms(message) if message.id else []:
            for mark in '<>"':
                assert translated.count(mark) == text.count(mark), translated


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_read_at_run_time_is_what_the_catalogs_say(language: str):
    folder = catalogs.LOCALE / language / "LC_MESSAGES"
    with (folder / f"{catalogs.PAGES}.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalogs.catalog(language, catalogs.PAGES):
        if isinstance(message.id, str) and message.id and message.context is None:
            assert compiled.gettext(message.id) == message.string
    script = catalogs.as_script(catalogs.catalog(language, catalogs.IN_SCRIPTS))
    assert (catalogs.SCRIPTS / f"texts.{language}.js").read_text() == script, "run `make texts`"


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_numbers_are_written_with_a_point(language: str):
    """They stand in drawings, where a comma is the end of a number."""
    with translation.override(language):
        assert localize(12.5) == "12.5"
