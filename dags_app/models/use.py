"""Which DAGs and tasks use which variables, connections, pools and queues."""

from __future__ import annotations

from django.db import models


class Use(models.Model):
    """One DAG, or task of it, that names a thing in its source or has read it while it ran."""

    kind = models.CharField(max_length=20, help_text="variable, connection, pool, queue")
    name = models.CharField(max_length=250)
    dag = models.ForeignKey("Dag", models.CASCADE, related_name="uses", db_index=False)
    task_id = models.CharField(max_length=250, blank=True, help_text='"" = somewhere in the file')
    in_source = models.BooleanField(default=False, help_text="the current version names it")
    is_optional = models.BooleanField(default=False, help_text="with a default: it need not be there")
    read_at = models.DateTimeField(null=True, help_text="when it last asked for it, to the minute")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dag", "kind", "name", "task_id"], name="use_key")]
        indexes = [models.Index(fields=["kind", "name"], name="use_of")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.dag_id}"
