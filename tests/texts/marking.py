"""``python -m tests.texts mark``: put the marks of translation around what stands in templates without one."""

from __future__ import annotations

import re

from django.template.defaultfilters import pluralize

from tests.texts.templates import SAME, TEMPLATES, arguments, runs

_VARIABLE = re.compile(r"{{ *(.*?) *}}", re.DOTALL)
_PLURAL = re.compile(r"^(.*)\|pluralize(?::\"([^\"]*)\")?$", re.DOTALL)
_LOOSE = re.compile(r"^(?P<before>[·:] +)?(?P<text>.*?)(?P<after>( ·)? · Orchestrator| ·)?$", re.DOTALL)


def mark_all() -> list[str]:
    """Mark the templates in place and return the names of those that changed."""
    changed = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        source = path.read_text()
        if (marked := marked_source(source)) != source:
            path.write_text(marked)
            changed.append(str(path.relative_to(TEMPLATES)))
    return changed


def marked_source(source: str) -> str:
    """Return a template with every plain text of it marked."""
    for run in sorted(runs(source), key=lambda each: each.begin, reverse=True):
        source = source[: run.begin] + marked(run.source, run.is_attribute) + source[run.end :]
    for text in set(arguments(source)):
        if text.startswith("{%"):
            source = source.replace(text, re.sub(r'^({% \w+ \S+ )("[^"]*")', r"\1_(\2)", text))
        else:
            source = re.sub(rf'(default|default_if_none|yesno):"{re.escape(text)}"', rf'\1:_("{text}")', source)
    return source


def marked(text: str, is_attribute: bool) -> str:
    """Return one text with its mark; a number that decides about singular and plural makes it a pair."""
    parts = _LOOSE.match(text)
    assert parts is not None
    before, text, after = parts["before"] or "", parts["text"], parts["after"] or ""
    if not is_attribute:
        text = re.sub(r"\s+", " ", text)
    if "{{" not in text:
        if text in SAME:
            return before + text + after
        quote = "'" if '"' in text else '"'
        if quote not in text:
            return f"{before}{{% translate {quote}{text}{quote} %}}{after}"
        return f"{before}{{% blocktranslate %}}{text}{{% endblocktranslate %}}{after}"
    return before + _block(text) + after


def _block(text: str) -> str:
    names: dict[str, str] = {}
    counter = next((found[1] for each in _VARIABLE.findall(text) if (found := _PLURAL.match(each))), None)

    def name_of(expression: str) -> str:
        if expression not in names:
            stem = expression.split("|")[0].split(".")
            name = next((each for each in reversed(stem) if not each.isdigit()), "value")
            if expression == counter and expression != name:
                name = "count" if "|" in expression or name == "n" else name
            while name in names.values():
                name += "_"
            names[expression] = name
        return names[expression]

    def form(number: int) -> str:
        def put(found: re.Match[str]) -> str:
            expression = found[1]
            if plural := _PLURAL.match(expression):
                return str(pluralize(number, plural[2] or "s"))
            return f"{{{{ {name_of(expression)} }}}}"

        return _VARIABLE.sub(put, text)

    one, many = form(1), form(2)
    if counter is not None:
        name_of(counter)
    bound = [f"{name}={each}" for each, name in names.items() if each != name and each != counter]
    head = f" with {' '.join(bound)}" if bound else ""
    if counter is None:
        return f"{{% blocktranslate{head} %}}{one}{{% endblocktranslate %}}"
    return f"{{% blocktranslate{head} count {names[counter]}={counter} %}}{one}{{% plural %}}{many}{{% endblocktranslate %}}"
