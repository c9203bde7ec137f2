"""By when runs and tasks are needed."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from .placed import PlacedInRun


class Deadline(PlacedInRun, models.Model):
    """One deadline of one run, or of a task in it; gone when it is done in time, ``missed`` once when it is not."""

    run = models.ForeignKey("DagRun", models.CASCADE, related_name="deadlines", db_index=False)  # heads its key
    key = models.CharField(max_length=64, help_text="names its alert, in every version that defines it")
    task_id = models.CharField(max_length=250, default="", blank=True, help_text="empty = the run's own")
    map_index = models.BigIntegerField(default=-1, help_text="-1 = the run's, or the whole of the task's")
    name = models.CharField(max_length=250, null=True)
    deadline_time = models.DateTimeField()
    missed = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key", "map_index"], name="deadline_key")]
        indexes = [models.Index(F("deadline_time"), name="deadline_open", condition=Q(missed=False))]

    def __str__(self) -> str:
        about = f"{self.task_id} in run {self.run_id}" if self.task_id else f"run {self.run_id}"
        return f"{self.name or 'deadline'} of {about} at {self.deadline_time:%Y-%m-%d %H:%M:%S}"
