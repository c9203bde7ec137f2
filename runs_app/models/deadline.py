"""By when runs are needed."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Deadline(models.Model):
    """One deadline of one run; gone when the run succeeds in time, ``missed`` once when it has not."""

    run = models.ForeignKey("DagRun", models.CASCADE, related_name="deadlines", db_index=False)  # heads its key
    position = models.PositiveIntegerField(help_text="of its alert among those of the run's version")
    name = models.CharField(max_length=250, null=True)
    deadline_time = models.DateTimeField()
    missed = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="deadline_key")]
        indexes = [models.Index(F("deadline_time"), name="deadline_open", condition=Q(missed=False))]

    def __str__(self) -> str:
        return f"{self.name or 'deadline'} of run {self.run_id} at {self.deadline_time:%Y-%m-%d %H:%M:%S}"
