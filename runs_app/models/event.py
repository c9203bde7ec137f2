"""The append-only log of every change of state."""

from __future__ import annotations

from django.db import models


class StateEvent(models.Model):
    """One change of state, written in the same transaction as the change.

    Without foreign keys in the database: it takes what it points at from the row that just changed, and three of
    these are written for each task; ``check_invariants`` looks for events of nothing.
    """

    run = models.ForeignKey("DagRun", models.CASCADE, related_name="events", db_constraint=False, db_index=False)
    task_instance = models.ForeignKey(
        "TaskInstance", models.CASCADE, null=True, related_name="events", db_constraint=False
    )
    generation = models.PositiveIntegerField(default=1)
    old = models.CharField(max_length=20)
    new = models.CharField(max_length=20)
    token = models.PositiveBigIntegerField(default=0)
    actor = models.CharField(max_length=250, help_text="engine, sweep, worker, triggerer, or user:NAME")
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            # Instead of one by run alone: the last event of each of hundreds of runs is read for the grid.
            models.Index(fields=["run", "id"], name="state_event_of_run"),
        ]

    def __str__(self) -> str:
        return f"{self.old} -> {self.new} by {self.actor}"
