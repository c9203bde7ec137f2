"""Which scripts a script needs, so that a page can ask for all of them at once.

A browser learns what a module imports when it has it, and what those import when it has them: a trip to the server a
level. Read from the imports themselves, so that there is no list to keep.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders

IMPORT = re.compile(r'^\s*(?:import|export)\s(?:[^"\'(;]*?\sfrom\s)?\s*["\'](\.{1,2}/[^"\']+)["\']', re.MULTILINE)
"""Only those at the top: what is imported as it is needed is not needed at once."""


@cache
def needed(name: str) -> tuple[str, ...]:
    """Return a module of the static files and all that it imports, nearest first."""
    found, pending = [name], [name]
    while pending:
        own = pending.pop(0)
        path = finders.find(own)
        text = Path(path).read_text("utf-8") if isinstance(path, str) else ""
        imported = [posixpath.normpath(posixpath.join(posixpath.dirname(own), each)) for each in IMPORT.findall(text)]
        fresh = [each for each in dict.fromkeys(imported) if each not in found]
        found += fresh
        pending += fresh
    return tuple(found)
