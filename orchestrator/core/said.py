"""Sentences that know what they were made of, so that a page can say them in its reader's language.

Everywhere else they are the English text: in the API, in logs, in what is compared and stored.
"""

from __future__ import annotations


class Said(str):
    """A text with the pattern and the values that it was made from; values may be such texts themselves."""

    pattern: str
    values: dict[str, object]


def said(pattern: str, **values: object) -> Said:
    """Return ``pattern`` with its ``{names}`` filled in. It is written out where it is called: that is how it is collected."""
    text = Said(pattern.format(**values) if values else pattern)
    text.pattern, text.values = pattern, values
    return text
