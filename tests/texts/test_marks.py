"""No text of a page or a script is left that nothing would translate."""

from __future__ import annotations

import re

import pytest

from tests.texts import catalogs
from tests.texts.marking import marked_source
from tests.texts.templates import runs, unmarked

SAID = re.compile(
    r"""(?:textContent|\.title|placeholder)\s*=\s*[^;"'`]*(["`])(?P<a>[^"`]*)\1"""
    r"""|setAttribute\("(?:aria-label|title|placeholder)",\s*(["`])(?P<b>[^"`]*)\3"""
    r"""|(?:toast|Error)\((["`])(?P<c>[^"`]*)\5"""
)
MARKED = re.compile(r'\bn?gettext\("[^"]+"(?:, "[^"]+")?')
PUT_IN = re.compile(r"\$?\{[^{}]*\}")
SILENT = {"no rows", "ago", "UTC", "true", "warning"}
"""What is compared with, and errors that nobody is shown."""


def plain(text: str) -> str:
    """What stands between the things that are put in; those may hold braces themselves."""
    while (left := PUT_IN.sub("", text)) != text:
        text = left
    return text


def test_every_text_of_the_templates_is_marked():
    assert unmarked() == {}, "run `make texts`, which marks them"


@pytest.mark.parametrize("path", sorted(catalogs.SCRIPTS.glob("*.js")), ids=lambda path: path.name)
def test_every_text_that_a_script_shows_is_marked(path):
    source = re.sub(r"^\s*(?://|\*|/\*).*$", "", path.read_text(), flags=re.MULTILINE)
    source = MARKED.sub("marked(", source)
    said = [found["a"] or found["b"] or found["c"] or "" for found in SAID.finditer(source)]
    assert [text for text in said if re.search(r"[A-Za-z]{2,}", plain(text)) and text not in SILENT] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<b>Some text</b>", ["Some text"]),
        ('<a title="Go on" href="x">{% icon "down" %}</a>', ["Go on"]),
        ('<input placeholder="Find {{ what }}">', ["Find {{ what }}"]),
        ("{% if a %}yes{% else %}<i></i>{% endif %}", ["yes"]),
        ("<code>not this</code><pre>nor this</pre>", []),
        ('{% translate "Some text" %}{{ value }} · {{ other }}', []),
        ("{% blocktranslate %}<b>Some</b> text{% endblocktranslate %}", []),
        ("{# a comment #}<!-- another -->DAG", []),
    ],
)
def test_the_search_finds_what_people_read(source: str, found: list[str]):
    assert [run.source for run in runs(source)] == found


def test_marks_are_put_around_plain_texts():
    source = '<b title="Go on">{{ run.count }} run{{ run.count|pluralize }} of {{ dag.name }}</b>'
    assert marked_source(source) == (
        '<b title="{% translate "Go on" %}">{% blocktranslate with name=dag.name count count=run.count %}'
        "{{ count }} run of {{ name }}{% plural %}{{ count }} runs of {{ name }}{% endblocktranslate %}</b>"
    )
    assert marked_source(marked_source(source)) == marked_source(source)
