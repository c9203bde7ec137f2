"""Backfills: runs of past intervals, made and started by themselves."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orchestrator.core.backfill import Reprocess


class Backfill(models.Model):
    """A range of a DAG's schedule that is run, or run again, beside its ordinary runs and under a limit of its own."""

    dag = models.ForeignKey("dags_app.Dag", models.CASCADE, related_name="backfills", db_index=False)
    from_date = models.DateTimeField(help_text="first logical date")
    to_date = models.DateTimeField(help_text="last logical date")
    run_backwards = models.BooleanField(default=False, help_text="the newest first")
    reprocess_behavior = models.CharField(
        max_length=20, choices=[(each, each) for each in Reprocess], default=Reprocess.NONE
    )
    max_active_runs = models.PositiveIntegerField(default=10)
    dag_run_conf = models.JSONField(null=True, help_text="of each run; null = none, cleared runs keep theirs")
    run_on_latest_version = models.BooleanField(
        default=False, help_text="cleared runs move to the DAG's latest version"
    )
    is_paused = models.BooleanField(default=False, help_text="starts no more runs; those under way go on")
    triggering_user_name = models.CharField(max_length=250, null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="last change, or last runs made")
    completed_at = models.DateTimeField(null=True, help_text="when its last run ended, or it was cancelled")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["dag"], name="backfill_one_open", condition=Q(completed_at__isnull=True))
        ]
        indexes = [models.Index(fields=["dag", "-id"], name="backfill_newest")]

    def __str__(self) -> str:
        return f"{self.dag_id} {self.from_date:%Y-%m-%d} to {self.to_date:%Y-%m-%d}"


class BackfillDagRun(models.Model):
    """One interval of a backfill, in the order they start; written whole before the first run is made.

    So a process that dies while it makes runs leaves behind which of them are still to be made.
    """

    backfill = models.ForeignKey(Backfill, models.CASCADE, related_name="entries", db_index=False)  # heads its key
    ordinal = models.PositiveIntegerField(help_text="1, 2, ...: the order in which the runs start")
    logical_date = models.DateTimeField(help_text="or when its partition begins")
    partition_key = models.CharField(max_length=250, null=True, help_text="of a partitioned schedule")
    interval_start = models.DateTimeField()
    interval_end = models.DateTimeField()
    run_after = models.DateTimeField()
    settled = models.BooleanField(default=False, help_text="its run was made or cleared, or there is a reason why not")
    dag_run = models.ForeignKey("DagRun", models.SET_NULL, null=True, related_name="backfill_entries")
    exception_reason = models.CharField(max_length=50, null=True, help_text="why no run was made")

    class Meta:
        ordering = ["backfill", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["backfill", "ordinal"], name="backfill_entry_key"),
            models.UniqueConstraint(fields=["backfill", "dag_run"], name="backfill_entry_run"),
        ]
        indexes = [
            models.Index(fields=["backfill", "ordinal"], name="backfill_entry_open", condition=Q(settled=False)),
        ]

    def __str__(self) -> str:
        return f"{self.ordinal}. {self.logical_date}"
