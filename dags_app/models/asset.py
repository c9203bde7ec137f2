"""Assets, and which DAGs and tasks name them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Asset(models.Model):
    """One asset by its name and URI. Never deleted with the DAGs that named it: its events are history."""

    name = models.CharField(max_length=1500)
    uri = models.CharField(max_length=1500)
    group = models.CharField(max_length=1500, blank=True, default="asset")
    extra = models.JSONField(default=dict)
    is_active = models.BooleanField(
        default=False, help_text="a DAG that is there names it, and no other active asset has its name or URI"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name", "uri"], name="asset_key"),
            models.UniqueConstraint(fields=["name"], name="asset_active_name", condition=Q(is_active=True)),
            models.UniqueConstraint(fields=["uri"], name="asset_active_uri", condition=Q(is_active=True)),
        ]
        indexes = [models.Index(fields=["uri"], name="asset_uri")]

    def __str__(self) -> str:
        return self.name


class AssetAlias(models.Model):
    """A name under which tasks announce assets; ``assets`` are those announced so far."""

    name = models.CharField(max_length=1500, unique=True)
    group = models.CharField(max_length=1500, blank=True, default="asset")
    assets = models.ManyToManyField(Asset, related_name="aliases")

    class Meta:
        verbose_name_plural = "asset aliases"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ScheduleReference(models.Model):
    """A DAG's schedule names an asset, by itself, by its name or URI alone, or an alias."""

    dag = models.ForeignKey("Dag", models.CASCADE, related_name="schedule_references")
    asset = models.ForeignKey(Asset, models.CASCADE, null=True, related_name="schedule_references")
    alias = models.ForeignKey(AssetAlias, models.CASCADE, null=True, related_name="schedule_references")
    name = models.CharField(max_length=1500, null=True, help_text="of an asset that another file defines")
    uri = models.CharField(max_length=1500, null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["name"], name="schedule_ref_name", condition=Q(name__isnull=False)),
            models.Index(fields=["uri"], name="schedule_ref_uri", condition=Q(uri__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"schedule of {self.dag_id}"


class TaskReference(models.Model):
    """A task names an asset as an inlet or outlet, by itself or by its name or URI alone."""

    dag = models.ForeignKey("Dag", models.CASCADE, related_name="task_references")
    task_id = models.CharField(max_length=250)
    is_outlet = models.BooleanField()
    asset = models.ForeignKey(Asset, models.CASCADE, null=True, related_name="task_references")
    name = models.CharField(max_length=1500, null=True, help_text="of an asset that another file defines")
    uri = models.CharField(max_length=1500, null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["name"], name="task_ref_name", condition=Q(name__isnull=False)),
            models.Index(fields=["uri"], name="task_ref_uri", condition=Q(uri__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.dag_id}.{self.task_id}"


class AssetWatcher(models.Model):
    """A trigger that says when an asset has changed, as a DAG file defines it."""

    asset = models.ForeignKey(Asset, models.CASCADE, related_name="watchers")
    dag = models.ForeignKey("Dag", models.CASCADE, related_name="asset_watchers")
    name = models.CharField(max_length=1500)
    classpath = models.CharField(max_length=1000)
    kwargs = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, help_text="of class and arguments: watchers of one digest share a trigger")
    version = models.ForeignKey("DagVersion", models.CASCADE, related_name="+", help_text="whose files hold the class")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["digest"], name="watcher_digest")]

    def __str__(self) -> str:
        return f"{self.name} of {self.asset}"
