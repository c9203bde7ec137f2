"""For which Airflow a folder's files were written: what their dates are, and what holds where they say nothing.

A file ``.airflowera`` holds for its folder and those below it. Without one Airflow 3's defaults hold, or what
``AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS`` and its neighbours say.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any, NamedTuple

from .exceptions import DagError

FILE_NAME = ".airflowera"
LARGEST = 5 * 1024 * 1024
NEW = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:airflow|orchestrator)\.sdk\b", re.MULTILINE)
"""What only a file for Airflow 3, or for us, imports; a remark in an older file is none."""
CRON, DELTA, CATCHUP = (
    f"AIRFLOW__SCHEDULER__{name}"
    for name in ("CREATE_CRON_DATA_INTERVALS", "CREATE_DELTA_DATA_INTERVALS", "CATCHUP_BY_DEFAULT")
)


class Era(NamedTuple):
    """The choices, and what made them: a file's path, or names of the environment."""

    number: int = 3
    cron_intervals: bool = False
    delta_intervals: bool = False
    catchup: bool = False
    source: str = ""
    pulls_any: bool = False  # XComs without an id of a task are any task's: in files that know nothing of airflow.sdk

    def schedule(self, given: Any, timezone: str) -> Any:
        """The schedule of a DAG as this era takes it."""
        if self.cron_intervals and isinstance(given, str) and given not in {"@once", "@continuous"}:
            from orchestrator.core.timetables import CronDataIntervalTimetable

            return CronDataIntervalTimetable(given, timezone)
        if self.delta_intervals and (isinstance(given, timedelta) or type(given).__name__ == "relativedelta"):
            from orchestrator.core.timetables import DeltaDataIntervalTimetable

            return DeltaDataIntervalTimetable(given)
        return given

    @property
    def unsaid_schedule(self) -> Any:
        """The schedule of a DAG that names none."""
        return timedelta(days=1) if self.number < 3 else None

    def to_json(self) -> dict[str, Any] | None:
        """What of it a DAG is stored with; None where Airflow 3's defaults hold."""
        if self == Era(source=self.source, pulls_any=self.pulls_any):
            return None
        return {
            "number": self.number,
            "cron_intervals": self.cron_intervals,
            "catchup": self.catchup,
            "source": self.source,
        }


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in {"true", "t", "1", "yes", "on"}


def of_environment() -> Era:
    cron, delta, catchup = (_is_on(name) for name in (CRON, DELTA, CATCHUP))
    named = [name for name, is_on in ((CRON, cron), (DELTA, delta), (CATCHUP, catchup)) if is_on]
    return Era(3, cron, delta, catchup, ", ".join(named))


def places(file: str) -> list[str]:
    """Where a file's era may be said, relative to the root, the nearest first."""
    found = []
    while file:
        file = os.path.dirname(file)
        found.append(os.path.join(file, FILE_NAME))
    return found


def read(root: str, file: str) -> Era:
    """The era of one DAG file.

    Raises:
        DagError: what says it cannot be understood.
    """
    for place in places(file):
        try:
            with open(os.path.join(root, place), encoding="utf-8", errors="replace") as opened:
                lines = [line.partition("#")[0].strip() for line in opened.read(10_000).splitlines()]
        except OSError:
            continue
        said = [line for line in lines if line]
        if len(said) != 1 or said[0] not in {"1", "2", "3"}:
            raise DagError(
                f"{place}: write the Airflow its folder's files are for, 1, 2 or 3, not {' '.join(said)!r:.80}"
            )
        return Era(3, source=place) if said[0] == "3" else Era(int(said[0]), True, True, True, place)
    return of_environment()


_current: list[Era] = []
_root: list[str] = []


def begin(root: str, file: str) -> None:
    """From here on DAGs are made as the era of this file says."""
    try:
        with open(os.path.join(root, file), "rb") as opened:
            source = opened.read(LARGEST)
    except OSError:  # importing it says what is wrong
        source = b""
    is_new = NEW.search(source) is not None
    _root[:] = [os.path.join(root, "dags") if file.startswith(f"dags{os.sep}") else root]
    _current[:] = [read(root, file)._replace(pulls_any=not is_new)]


def end() -> None:
    """From here on DAGs are of no file."""
    _root.clear()
    _current.clear()


def dags_folder() -> str | None:
    """The folder that the DAG file of this process lies in: of a version its own copy; None where none was loaded."""
    return _root[-1] if _root else None


def current() -> Era:
    return _current[-1] if _current else of_environment()
