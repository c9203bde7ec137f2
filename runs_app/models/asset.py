"""Events of assets, and the runs they lead to."""

from __future__ import annotations

from django.db import models


class AssetEvent(models.Model):
    """An asset has changed. Only ever added to; names its source without a key, so that it outlives the run."""

    asset = models.ForeignKey("dags_app.Asset", models.CASCADE, related_name="events")
    extra = models.JSONField(default=dict)
    source_dag_id = models.CharField(max_length=250, null=True)
    source_task_id = models.CharField(max_length=250, null=True)
    source_run_id = models.CharField(max_length=250, null=True)
    source_map_index = models.BigIntegerField(default=-1)
    partition_key = models.CharField(max_length=250, null=True)
    timestamp = models.DateTimeField()
    aliases = models.ManyToManyField("dags_app.AssetAlias", related_name="events", help_text="it was announced under")
    runs = models.ManyToManyField("DagRun", related_name="asset_events", help_text="that were made for it")

    class Meta:
        ordering = ["timestamp", "id"]
        indexes = [
            models.Index(fields=["asset", "-timestamp"], name="asset_event_newest"),
            models.Index(fields=["source_dag_id", "source_run_id"], name="asset_event_source"),
        ]

    def __str__(self) -> str:
        return f"event {self.pk} of asset {self.asset_id}"


class QueuedEvent(models.Model):
    """An asset has changed since a DAG's last run on assets. One row however many events there were."""

    dag = models.ForeignKey("dags_app.Dag", models.CASCADE, related_name="queued_events", db_index=False)
    asset = models.ForeignKey("dags_app.Asset", models.CASCADE, related_name="queued_events")
    created_at = models.DateTimeField(help_text="of the first of them")
    touched_at = models.DateTimeField(
        help_text="of the last; written so that who takes the row waits for who adds to it"
    )

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["dag", "asset"], name="queued_event_key")]

    def __str__(self) -> str:
        return f"asset {self.asset_id} for {self.dag_id}"


class UnreadEvent(models.Model):
    """An event that a DAG's next run on assets will be told of: by row, not by time, so that none falls between two."""

    dag = models.ForeignKey("dags_app.Dag", models.CASCADE, related_name="unread_events", db_index=False)
    event = models.ForeignKey(AssetEvent, models.CASCADE, related_name="unread_by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dag", "event"], name="unread_event_key")]

    def __str__(self) -> str:
        return f"event {self.event_id} for {self.dag_id}"
