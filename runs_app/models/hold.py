"""What people keep from starting."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Hold(models.Model):
    """A task that does not start until it is released: in one run, or in every run from now on.

    What is held has the mark ``held``, which the decision reads along with the state; a claim need not know.
    """

    dag = models.ForeignKey("dags_app.Dag", models.CASCADE, related_name="holds", db_index=False)
    run = models.ForeignKey("DagRun", models.CASCADE, null=True, related_name="holds", help_text="null = every run")
    task_id = models.CharField(max_length=250)
    map_index = models.BigIntegerField(default=-1, help_text="-1 = all of the task")
    held_by = models.CharField(max_length=250)
    reason = models.TextField(blank=True)
    until = models.DateTimeField(null=True, help_text="released by itself then")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["dag", "task_id"], name="hold_of_task", condition=Q(run__isnull=True)),
            models.UniqueConstraint(
                fields=["run", "task_id", "map_index"], name="hold_in_run", condition=Q(run__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["until"], name="hold_due", condition=Q(until__isnull=False))]

    def __str__(self) -> str:
        return f"{self.dag_id}.{self.task_id}" + (f" of run {self.run_id}" if self.run_id else "")
