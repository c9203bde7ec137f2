"""Partitions that are being collected for DAGs scheduled on partitioned assets."""

from __future__ import annotations

from django.db import models


class PendingPartition(models.Model):
    """One key of a DAG's runs to be, while its parts arrive; gone when its run is made."""

    dag = models.ForeignKey("dags_app.Dag", models.CASCADE, related_name="pending_partitions", db_index=False)
    partition_key = models.CharField(max_length=250)
    partition_date = models.DateTimeField(null=True, help_text="the producers' own, where they agree")
    fingerprint = models.CharField(max_length=64, help_text="of the mappers that its parts were mapped by")
    changed = models.BooleanField(default=True, help_text="nobody has looked since its last part arrived")
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["dag", "partition_key"], name="pending_partition_key")]
        indexes = [models.Index(fields=["dag"], name="pending_partition_new", condition=models.Q(changed=True))]

    def __str__(self) -> str:
        return f"{self.partition_key} of {self.dag_id}"


class PartitionPart(models.Model):
    """An event that has arrived for a pending partition."""

    pending = models.ForeignKey(PendingPartition, models.CASCADE, related_name="parts")
    event = models.ForeignKey("AssetEvent", models.CASCADE, related_name="+")
    asset = models.ForeignKey("dags_app.Asset", models.CASCADE, related_name="+")
    source_key = models.CharField(max_length=250)
    # Where the mapper is an author's own, what it said; others are asked when it is needed.
    expected = models.JSONField(null=True, help_text="keys that the pending one waits for; of a rollup")
    date = models.DateTimeField(null=True, help_text="when the pending partition begins")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pending", "event"], name="partition_part_key")]

    def __str__(self) -> str:
        return f"{self.source_key} for {self.pending_id}"
