"""``.airflowignore``: which files below a DAG folder are no DAG files.

The syntax is Airflow 3's default, glob as in ``.gitignore`` (the last pattern that fits decides, ``!`` takes
back, a trailing ``/`` means folders only, a ``/`` elsewhere ties the pattern to the folder of its file), or
Airflow 2's, regular expressions searched for anywhere in the path. ``AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX``
(``glob`` or ``regexp``) says which.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

FILE_NAME = ".airflowignore"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a file; ``folder`` is where that file lies, relative to the root ("" = the root)."""

    folder: str
    pattern: re.Pattern[str]
    negated: bool = False
    folders_only: bool = False
    searched: bool = False  # a regular expression: anywhere in the path

    def fits(self, path: str, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        if self.folder and not path.startswith(self.folder + "/"):
            return False
        inner = path[len(self.folder) + 1 :] if self.folder else path
        return (self.pattern.search(inner) if self.searched else self.pattern.fullmatch(inner)) is not None


def is_ignored(rules: Sequence[Rule], path: str, is_folder: bool) -> bool:
    """Whether the rules of the folders above, outermost first, leave ``path`` out."""
    ignored = False
    for rule in rules:
        if ignored == rule.negated and rule.fits(path, is_folder):
            ignored = not rule.negated
    return ignored


def syntax() -> str:
    return os.environ.get("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", "glob").strip().lower()


def read_rules(text: str, folder: str, kind: str = "glob") -> list[Rule]:
    """Read one file's text; a line that cannot be understood is logged and left out."""
    rules = []
    for line in text.splitlines():
        try:
            rule = _regexp(line, folder) if kind == "regexp" else _glob(line, folder)
        except re.error as error:
            log.warning("ignore_rule_skipped folder=%s line=%r error=%s", folder or ".", line, error)
            continue
        if rule is not None:
            rules.append(rule)
    return rules


def _regexp(line: str, folder: str) -> Rule | None:
    text = re.sub(r"\s*#.*", "", line).strip()
    return Rule(folder, re.compile(text), searched=True) if text else None


def _glob(line: str, folder: str) -> Rule | None:
    text = line.rstrip("\r\n")
    if not text.endswith("\\ "):
        text = text.rstrip()
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text
    text = text[1:] if text.startswith(("\\#", "\\!")) else text
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    anchored = "/" in text
    text = text.lstrip("/")
    prefix = "" if anchored else "(?:.*/)?"
    return Rule(folder, re.compile(prefix + _translate(text), re.DOTALL), negated, folders_only)


def _translate(text: str) -> str:
    """A glob as a regular expression: ``*`` and ``?`` stop at ``/``, ``**`` does not."""
    parts, at = [], 0
    while at < len(text):
        char = text[at]
        if text.startswith("**/", at) and (at == 0 or text[at - 1] == "/"):
            parts.append("(?:.*/)?")
            at += 3
        elif text.startswith("**", at) and at + 2 == len(text) and (at == 0 or text[at - 1] == "/"):
            parts.append(".+")
            at += 2
        elif char == "*":
            parts.append("[^/]*")
            at += 1
        elif char == "?":
            parts.append("[^/]")
            at += 1
        elif char == "[" and (end := text.find("]", at + 2)) > 0:
            inner = text[at + 1 : end].replace("\\", "\\\\")
            parts.append("[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]")
            at = end + 1
        elif char == "\\" and at + 1 < len(text):
            parts.append(re.escape(text[at + 1]))
            at += 2
        else:
            parts.append(re.escape(char))
            at += 1
    return "".join(parts)
