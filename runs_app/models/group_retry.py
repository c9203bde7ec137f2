"""Task groups that are run again."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class GroupRetry(models.Model):
    """How often one instance of a task group of a run was run again; no row = never, or cleared since."""

    run = models.ForeignKey("DagRun", models.CASCADE, related_name="group_retries", db_index=False)  # heads its key
    group_id = models.CharField(max_length=250)
    map_index = models.BigIntegerField(default=-1, help_text="-1 unless the group is mapped")
    retried = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, help_text="when it is run again; null = it is under way, or done")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "group_id", "map_index"], name="group_retry_key")]
        indexes = [models.Index(F("not_before"), name="group_retry_due", condition=Q(not_before__isnull=False))]

    def __str__(self) -> str:
        index = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.group_id}{index} of run {self.run_id}"
