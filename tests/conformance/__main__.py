"""``python -m tests.conformance [SET or CASE ...]``: hold our answers against recorded ones of Airflow.

The folder is named by ``CONFORMANCE_DATA`` (default: the project's own copy). Ends with 1 where a case disagrees.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import judge


def main(names: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as home:
        _set_up(home)
        from .engine import ENGINE

        try:
            return _run(names)
        finally:
            ENGINE.close()


def _set_up(home: str) -> None:
    """A home and a database of our own; nothing of them is needed afterwards."""
    os.mkdir(os.path.join(home, "static"))  # a server without one warns
    os.environ.update(ORCHESTRATOR_HOME=home, DJANGO_SETTINGS_MODULE="orchestrator.settings")
    for name in ("DATABASE_URL", "REDIS_URL", "DAGS_FOLDER"):
        os.environ.pop(name, None)
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from orchestrator import wake
    from runs_app import notify

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = OFF")
    wake._send = wake._publish = notify.publish = lambda *_: None  # nobody is there to be told


def _run(names: list[str]) -> int:
    from . import judge

    data = judge.folder()
    reports = []
    for name in judge.sets(data):
        cases = [case for case in judge.read(data, name) if not names or name in names or case.get("id") in names]
        if not cases:
            continue
        reports.append(judge.run(name, cases, _tell))
        print(reports[-1].summary(), flush=True)
    if not reports:
        print(f"no such set or case in {data}, which has {', '.join(judge.sets(data)) or 'no sets'}", file=sys.stderr)
        return 2
    return 1 if any(report.wrong for report in reports) else 0


def _tell(verdict: judge.Verdict) -> None:
    if verdict.wrong:
        lines = "\n".join(f"    {line}" for each in verdict.wrong for line in each.splitlines())
        print(f"{verdict.case_id} disagrees\n{lines}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
