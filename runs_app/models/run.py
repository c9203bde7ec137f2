"""Dag runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import F, Q

from orchestrator.core.states import RUN_FINISHED, RUN_UNFINISHED, RunState, RunType


class DagRun(models.Model):
    """One run of a DAG, pinned to the version it started with. ``state`` is written only by transitions."""

    dag = models.ForeignKey("dags_app.Dag", models.CASCADE, related_name="runs")
    run_id = models.CharField(max_length=250)
    version = models.ForeignKey("dags_app.DagVersion", models.PROTECT, related_name="runs")
    state = models.CharField(max_length=20, choices=[(s, s) for s in RunState], default=RunState.QUEUED)
    run_type = models.CharField(max_length=30, choices=[(t, t) for t in RunType])
    logical_date = models.DateTimeField(null=True)
    data_interval_start = models.DateTimeField(null=True)
    data_interval_end = models.DateTimeField(null=True)
    run_after = models.DateTimeField(help_text="not started before")
    queued_at = models.DateTimeField(help_text="when it was made or last cleared")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    partition_key = models.CharField(max_length=250, null=True, help_text="the part of the data that it is for")
    partition_date = models.DateTimeField(null=True, help_text="when that part begins, where the key says so")
    conf = models.JSONField(default=dict)
    note = models.TextField(null=True)
    triggered_by = models.CharField(max_length=20, default="ui", help_text="cli, operator, rest_api, ui, timetable ...")
    triggering_user_name = models.CharField(max_length=250, null=True)
    backfill = models.ForeignKey("Backfill", models.SET_NULL, null=True, related_name="runs", db_index=False)
    generation = models.PositiveIntegerField(default=1, help_text="grows each time the run is opened again")
    timeout_at = models.DateTimeField(null=True, help_text="started_at + dagrun_timeout, while it runs")
    cancelled_at = models.DateTimeField(
        null=True, help_text="somebody cancelled it; it ends cancelled when its teardowns are done"
    )
    seq = models.PositiveBigIntegerField(default=0, help_text="grows with every visible change; pages resync by it")
    updated_at = models.DateTimeField(auto_now=True)
    fresh: Sequence[tuple[Any, ...]] | None = None
    """The instances it was just made with, where they are few; of use only to the transaction that made it."""

    class Meta:
        verbose_name = "DAG run"
        constraints = [
            models.UniqueConstraint(fields=["dag", "run_id"], name="dag_run_key"),
            # One scheduled run per instant whoever ticks, and Airflow's rule of one run per logical date.
            models.UniqueConstraint(
                fields=["dag", "logical_date"], name="dag_run_logical_date", condition=Q(logical_date__isnull=False)
            ),
            models.CheckConstraint(
                name="dag_run_ended_iff_finished",
                condition=(Q(state__in=sorted(RUN_FINISHED)) & Q(ended_at__isnull=False))
                | (~Q(state__in=sorted(RUN_FINISHED)) & Q(ended_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["dag", "-run_after"], name="dag_run_newest"),
            models.Index(fields=["run_after"], name="dag_run_recent"),  # of all DAGs, by time
            models.Index(
                fields=["dag", "partition_key"], name="dag_run_partition", condition=Q(partition_key__isnull=False)
            ),
            models.Index(fields=["state"], name="dag_run_unfinished", condition=Q(state__in=sorted(RUN_UNFINISHED))),
            models.Index(fields=["backfill"], name="dag_run_backfill", condition=Q(backfill__isnull=False)),
            models.Index(F("timeout_at"), name="dag_run_timeout", condition=Q(timeout_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.dag_id} {self.run_id}"
