"""Attempts that somebody ended (cleared, marked, cancelled) and whose processes have not stopped yet.

A process hears of it at its slot's next beat, gets SIGTERM and has a grace period. Until its slot says that it is over, or
is found dead, a teardown waits: it would take away what the process still uses.
"""

from __future__ import annotations

from .locking import fetch, write

Attempt = tuple[int, int, int]
"""(run, task instance, token)."""


def tasks_of(run_pk: int) -> frozenset[str]:
    """The tasks of a run that are being stopped."""
    rows = fetch(
        "SELECT DISTINCT t.task_id FROM runs_app_attempt a JOIN runs_app_taskinstance t ON t.id = a.task_instance_id "
        "WHERE a.stopping AND t.run_id = %s",
        [run_pk],
    )
    return frozenset(task_id for (task_id,) in rows)


def over(instance_pk: int, token: int) -> bool:
    """Note that an attempt has stopped; False where it was not being stopped, or that was known."""
    return bool(
        write(
            "UPDATE runs_app_attempt SET stopping = %s WHERE task_instance_id = %s AND token = %s AND stopping",
            [False, instance_pk, token],
        )
    )


def of_the_dead(most: int) -> list[Attempt]:
    """Attempts being stopped whose processes are dead: nobody will say that they are over."""
    return fetch(
        "SELECT t.run_id, a.task_instance_id, a.token FROM runs_app_attempt a "
        "JOIN runs_app_taskinstance t ON t.id = a.task_instance_id LEFT JOIN runs_app_process p ON p.id = a.process_id "
        f"WHERE a.stopping AND (p.id IS NULL OR p.ended_at IS NOT NULL) ORDER BY a.id LIMIT {most}"
    )
