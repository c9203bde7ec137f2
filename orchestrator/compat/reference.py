"""The reference page of Airflow's names, made from the table: ``python -m orchestrator.compat.reference``."""

from __future__ import annotations

import sys

from .names import MODULES, REFUSED
from .old_providers import GONE, Moved, moved

HEAD = """\
# Airflow's names

Every import path of Airflow 1, 2 and 3 that a DAG file can use here, and what answers to it. One class answers under
every path it ever had. Provider packages of Airflow are found beside these when they are installed; the real Apache
Airflow must not be.

This page is made from the table in `orchestrator/compat/names.py`: `python -m orchestrator.compat.reference`.
"""

MOVED = """\
Where classes of providers were in Airflow 1 and 2, for files that still name them there. They resolve when the provider
package is [installed](../howto/providers.md); else the error says which to install. Old arguments (`postgres_conn_id`,
`snowflake_conn_id` ...) are translated.
"""


def page() -> str:
    """Return the page as Markdown."""
    lines = [HEAD, "## By module\n", "| Airflow's module | names |", "|---|---|"]
    for module, names in MODULES.items():
        if names:
            lines.append(f"| `{module}` | {', '.join(f'`{name}`' for name in sorted(names))} |")
    lines += ["\n## What answers\n", "| ours | under the names |", "|---|---|"]
    for target, names in sorted(_by_target().items()):
        lines.append(
            f"| `{target.replace(':', '.').rstrip('.')}` | {', '.join(f'`{name}`' for name in sorted(names))} |"
        )
    lines += ["\n## Moved to provider packages\n", MOVED, "| module | its names are in |", "|---|---|"]
    for entry in moved().values():
        renamed = "".join(f"; `{old}` is `{new}`" for old, new in entry.renamed.items())
        lines.append(f"| `{entry.old}` | {_today(entry)}{renamed} |")
    for module, names in GONE.items():
        lines.append(f"| `{module}` | {', '.join(f'`{name}`' for name in names)}: made of what took their place |")
    lines += ["\n## Not here, and what to do\n", "| name | |", "|---|---|"]
    lines += [f"| `{name}` | {reason} |" for name, reason in sorted(REFUSED.items())]
    return "\n".join(lines) + "\n"


def _today(entry: Moved) -> str:
    if entry.packages:
        return f"made of what took their place, of the packages {', '.join(entry.packages)}"
    return f"`{entry.modern}`"


def _by_target() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for names in MODULES.values():
        for name, target in names.items():
            found.setdefault(target, set()).add(name)
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
