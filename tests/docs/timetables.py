"""The reference page of timetables: what each does on an ordinary day and when clocks change is worked out, not told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.core.due import next_run
from orchestrator.core.preview import explain
from orchestrator.core.spec import DagSpec
from orchestrator.core.timetables import (
    ContinuousTimetable,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
    EventsTimetable,
    MultipleCronTriggerTimetable,
    NullTimetable,
    OnceTimetable,
    from_schedule,
)

BERLIN = "Europe/Berlin"
FORWARD, BACK = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)

KINDS: list[tuple[Any, str, str, str]] = [
    (NullTimetable(), "`None`", "never; only when triggered", "the moment it is triggered"),
    (OnceTimetable(), '`"@once"`', "once, at the start date or at once", "that moment"),
    (ContinuousTimetable(), '`"@continuous"`', "as soon as the run before has ended; needs `max_active_runs=1`",
     "from the end of the one before to now"),
    (CronTriggerTimetable("0 6 * * *"), '`"0 6 * * *"`, `"@daily"`, `CronTriggerTimetable(cron, timezone=...)`',
     "at each time of the expression", "that moment; with `interval=` the time before it"),
    (MultipleCronTriggerTimetable("0 6 * * *", "0 18 * * 5"), "`MultipleCronTriggerTimetable(cron, ..., timezone=...)`",
     "at each time of any of them, once where they meet", "as above"),
    (CronDataIntervalTimetable("0 6 * * *", "UTC"), "`CronDataIntervalTimetable(cron, timezone)`",
     "at each time of the expression but the first", "from the time before to this one"),
    (DeltaTriggerTimetable(timedelta(hours=6)), "`timedelta(...)`, `DeltaTriggerTimetable(delta)`",
     "every so often, counted from the run before", "that moment; with `interval=` the time before it"),
    (DeltaDataIntervalTimetable(timedelta(hours=6)), "`DeltaDataIntervalTimetable(delta)`",
     "every so often", "from the run before to this one"),
    (EventsTimetable([START]), "`EventsTimetable(event_dates=[...])`", "at each of the dates",
     "that moment; with `restrict_to_events` a manual run takes the last one"),
]  # fmt: skip
"""A timetable, how it is written, when it runs, what its data interval is."""

CHANGES: list[tuple[str, Any, datetime]] = [
    ("a wall time that the spring leaves out", CronTriggerTimetable("30 2 * * *", BERLIN), FORWARD),
    ("a wall time that the autumn repeats", CronTriggerTimetable("30 2 * * *", BERLIN), BACK),
    ("every hour in spring", CronTriggerTimetable("30 * * * *", BERLIN), datetime(2026, 3, 29, 0, tzinfo=UTC)),
    ("every hour in autumn", CronTriggerTimetable("30 * * * *", BERLIN), datetime(2026, 10, 25, 0, tzinfo=UTC)),
    ("a day's interval in spring", CronDataIntervalTimetable("0 0 * * *", BERLIN), FORWARD),
    ("a day's interval in autumn", CronDataIntervalTimetable("0 0 * * *", BERLIN), BACK),
    ("every 24 hours", DeltaTriggerTimetable(timedelta(days=1)), FORWARD),
]


def upcoming(timetable: Any, start: datetime, count: int) -> list[Any]:
    """The first runs of a DAG with catchup that starts then."""
    spec = DagSpec("example", timetable=timetable.to_json(), timezone=BERLIN, start_date=start, catchup=True)
    found: list[Any] = []
    while len(found) < count:
        after = next_run(spec, last=found[-1].interval if found else None, now=start)
        if after is None:
            break
        found.append(after)
    return explain(spec, found)


def page() -> str:
    from tests.docs.pages import MADE, table, text

    changes = [
        [what, f"`{timetable.summary}`", "<br>".join(_line(each) for each in upcoming(timetable, start, 3))]
        for what, timetable, start in CHANGES
    ]
    presets = [[f"`{name}`", f"`{from_schedule(name).summary}`"] for name in PRESETS]
    return text(
        "# Timetables",
        "",
        "What a DAG's `schedule` may be. " + MADE.format("`tests/docs/timetables.py`, which works the examples out"),
        "",
        *table(
            ("written as", "runs", "data interval", "type"),
            ([written, runs, interval, f"`{timetable.type}`"] for timetable, written, runs, interval in KINDS),
        ),
        "",
        "A timetable of your own is a class in a [plugin](../howto/plugins.md#timetables) or the DAG file. Presets stand for expressions:",
        "",
        *table(("preset", "is"), presets),
        "",
        "Expressions have five fields (minute, hour, day of month, month, day of week), then if you like second and year. `L` is",
        "the last day of a month, `15W` the weekday nearest the 15th, `5L` the last Friday, `5#2` the second. A day of month and a",
        "day of week together mean either. The zone is the timetable's `timezone`; a bare expression takes that of the start date.",
        "",
        "## Which runs are made",
        "",
        "- `start_date` and `end_date`, of the DAG and of its tasks, bound the logical dates, both inclusive.",
        "- With `catchup` every run since the start date is made, one after the other. Without it only the newest that is due,",
        "  and those to come; so a DAG that was paused for a week makes one run, not seven.",
        "- Without a start date the first run is the next time to come, or the time just passed if that is within a tenth of the",
        "  distance between two (five minutes at least). `run_immediately=True` always takes the time just passed, a timedelta",
        "  takes it if it is no longer ago.",
        "",
        "## When clocks change",
        "",
        "Worked out for Berlin, 2026. Where every hour is in the expression, real hours are counted; else the wall clock.",
        "",
        *table(("", "schedule", "runs"), changes),
        "",
        "## The runs to come",
        "",
        "`manage.py dags next DAG_ID --count 20`, the DAG's page under *Details*, and `GET /api/v2/dags/{dag_id}/nextRuns` list",
        "them with these notes, and with the reason where no more follow: an end date, no schedule, a schedule that cannot be",
        "used. What is listed is what the scheduler would make, and a paused DAG's runs are listed as if it were unpaused.",
    )


PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


def _line(each: Any) -> str:
    text = f"{each.local:%a %d %b %H:%M %Z}"
    return text + (f": *{'; '.join(each.notes)}*" if each.notes else "")
