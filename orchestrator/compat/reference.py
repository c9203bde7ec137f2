"""The reference page of Airflow's names, made from the table: ``python -m orchestrator.compat.reference``."""

from __future__ import annotations

import sys

from .names import MODULES, REFUSED

HEAD = """\
# Airflow's names

Every import path of Airflow 1, 2 and 3 that a DAG file can use here, and what answers to it. One class answers under
every path it ever had. Provider packages of Airflow are found beside these when they are installed; the real Apache
Airflow must not be.

This page is made from the table in `orchestrator/compat/names.py`: `python -m orchestrator.compat.reference`.
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
    lines += ["\n## Not here, and what to do\n", "| name | |", "|---|---|"]
    lines += [f"| `{name}` | {reason} |" for name, reason in sorted(REFUSED.items())]
    return "\n".join(lines) + "\n"


def _by_target() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for names in MODULES.values():
        for name, target in names.items():
            found.setdefault(target, set()).add(name)
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
