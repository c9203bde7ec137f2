"""What a task instance remembers over its tries."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class TaskStoreEntry(models.Model):
    """One key of a task instance's state store. Stays through retries and clears, until it expires or is deleted."""

    task_instance = models.ForeignKey("TaskInstance", models.CASCADE, related_name="store", db_index=False)
    key = models.CharField(max_length=512)
    value = models.JSONField()
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, help_text="null = never")

    class Meta:
        verbose_name_plural = "task store entries"
        constraints = [models.UniqueConstraint(fields=["task_instance", "key"], name="task_store_key")]
        indexes = [models.Index(fields=["expires_at"], name="task_store_expiry", condition=Q(expires_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.key} of task instance {self.task_instance_id}"


class AssetStoreEntry(models.Model):
    """One key of an asset's state store. Stays until it is deleted, over all runs."""

    asset = models.ForeignKey("dags_app.Asset", models.CASCADE, related_name="store", db_index=False)
    key = models.CharField(max_length=512)
    value = models.JSONField()
    updated_at = models.DateTimeField()
    updated_by = models.JSONField(default=dict, help_text="kind (task, api), and which task instance")

    class Meta:
        verbose_name_plural = "asset store entries"
        constraints = [models.UniqueConstraint(fields=["asset", "key"], name="asset_store_key")]

    def __str__(self) -> str:
        return f"{self.key} of asset {self.asset_id}"
