"""A JSON value as a tree that opens and closes, without a script."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import ngettext

register = template.Library()

MOST = 1000
"""Values in one tree; a larger one is shown as text only."""
DEEPEST = 30
OPEN = 2
"""Levels that stand open at first."""
LONGEST = 2000


@register.simple_tag
def tree(value: Any) -> SafeString | str:
    """The tree of an object or a list; nothing for what is none, is empty, or is too large to be looked at so."""
    if not isinstance(value, (dict, list)) or not value or _is_too_large(value):
        return ""
    return format_html('<div class="tree">{}</div>', _children(value, 1))


def _is_too_large(value: Any) -> bool:
    pending, count = [(value, 1)], 0
    while pending:
        each, depth = pending.pop()
        inside = list(each.values()) if isinstance(each, dict) else each if isinstance(each, list) else []
        count += len(inside)
        if depth > DEEPEST or count > MOST:
            return True
        pending += [(child, depth + 1) for child in inside]
    return False


def _children(value: Any, depth: int) -> SafeString:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((_node(k, v, depth),) for k, v in pairs)))


def _node(key: Any, value: Any, depth: int) -> SafeString:
    if not isinstance(value, (dict, list)) or not value:
        return format_html('<span class="key">{}</span> {}', key, _leaf(value))
    count = len(value)
    if isinstance(value, dict):
        size = ngettext("{count} key", "{count} keys", count).format(count=count)
    else:
        size = ngettext("{count} item", "{count} items", count).format(count=count)
    return format_html(
        '<details class="fold"{}><summary><span class="key">{}</span> <span class="faint">{}</span></summary>{}</details>',
        mark_safe(" open") if depth < OPEN else "",
        key,
        size,
        _children(value, depth + 1),
    )


def _leaf(value: Any) -> SafeString:
    text = json.dumps(value, ensure_ascii=False)
    kind = "s" if isinstance(value, str) else "k"
    return format_html('<span class="{}">{}</span>', kind, text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
