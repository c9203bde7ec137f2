"""DAGs and their versions."""

from __future__ import annotations

from django.db import models
from django.db.models import F

from orchestrator.core.spec import OVERLAP_POLICIES


class Dag(models.Model):
    """One DAG as users see it: what its current version says, and what people set on it."""

    dag_id = models.CharField(max_length=250, primary_key=True)
    display_name = models.CharField(max_length=500, blank=True)
    description = models.TextField(null=True)
    file = models.ForeignKey("DagFile", models.SET_NULL, null=True, related_name="dags")
    fileloc = models.CharField(max_length=2000, help_text="absolute path of the file when last parsed")
    version = models.ForeignKey("DagVersion", models.SET_NULL, null=True, related_name="+")
    is_paused = models.BooleanField(default=True, help_text="starts no runs; those under way finish")
    is_frozen = models.BooleanField(default=False, help_text="paused, and runs under way start no more tasks, either")
    has_held_tasks = models.BooleanField(default=False, help_text="tasks of every run are held: see the holds")
    is_stale = models.BooleanField(default=False, help_text="its file no longer defines it; history stays")
    last_parsed_at = models.DateTimeField(null=True)
    last_parse_seconds = models.FloatField(null=True)
    owners = models.JSONField(default=list)
    timetable_summary = models.CharField(max_length=500, null=True)
    timetable_description = models.CharField(max_length=1000, null=True)
    timetable_periodic = models.BooleanField(default=False)
    is_backfillable = models.BooleanField(default=False, help_text="its timetable can be scheduled")
    asset_expression = models.JSONField(null=True, help_text="what its schedule says of assets; null = nothing")
    is_partitioned = models.BooleanField(default=False, help_text="each of its runs is for one partition key")
    has_task_concurrency_limits = models.BooleanField(
        default=False, help_text="a task has a max_active_tis limit or a concurrency key"
    )
    team_roles = models.JSONField(null=True, help_text="team -> role, as the DAG's access_control says; null = nothing")
    pools = models.JSONField(default=list, help_text="that its tasks name")
    max_active_runs = models.PositiveIntegerField(default=16)
    overlap_policy = models.CharField(
        max_length=20,
        choices=[(policy, policy) for policy in OVERLAP_POLICIES],
        default="queue",
        help_text="what becomes of a due run that max_active_runs leaves no room for",
    )
    dropped_start = models.DateTimeField(null=True, help_text="data interval of the last run that was dropped")
    dropped_end = models.DateTimeField(null=True)
    max_active_tasks = models.PositiveIntegerField(default=16)
    max_consecutive_failed_dag_runs = models.PositiveIntegerField(default=0)
    next_run_after = models.DateTimeField(null=True, help_text="when the next scheduled run is due; null = none")
    next_logical_date = models.DateTimeField(null=True)
    next_interval_start = models.DateTimeField(null=True)
    next_interval_end = models.DateTimeField(null=True)
    schedule_error = models.TextField(blank=True, help_text="why no next run could be worked out")
    planned_ahead = models.JSONField(null=True, help_text="what a timetable of the author's own answered")
    range_asked = models.JSONField(null=True, help_text="dates that its own timetable is to be asked about")
    range_answer = models.JSONField(null=True, help_text="the last such question with its answer")
    plan_wanted = models.BooleanField(default=False, help_text="its own timetable is to be asked again")
    uses_known = models.BooleanField(
        default=False, db_default=False, help_text="what it uses was looked for in its sources"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "DAG"
        ordering = ["dag_id"]
        constraints = [
            models.CheckConstraint(
                name="dag_frozen_is_paused", condition=models.Q(is_frozen=False) | models.Q(is_paused=True)
            )
        ]
        indexes = [
            models.Index(
                F("next_run_after"),
                name="dag_due",
                condition=models.Q(is_paused=False, is_stale=False, next_run_after__isnull=False),
            ),
            models.Index(fields=["dag_id"], name="dag_plan_wanted", condition=models.Q(plan_wanted=True)),
        ]

    def __str__(self) -> str:
        return self.dag_id

    @property
    def name(self) -> str:
        """What pages call it."""
        return self.display_name or self.dag_id


class DagTag(models.Model):
    """One tag of one DAG."""

    dag = models.ForeignKey(Dag, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["dag", "name"], name="dag_tag_key")]

    def __str__(self) -> str:
        return self.name


class DagVersion(models.Model):
    """One content of a DAG: its spec and its sources. Never changed once written; runs are pinned to it."""

    dag = models.ForeignKey(Dag, models.CASCADE, related_name="versions")
    version_number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="sha256 over the source tree's digest and the spec")
    spec = models.JSONField(help_text="orchestrator.core.serde's form")
    tree = models.ForeignKey("SourceTree", models.PROTECT, related_name="versions")
    relative_path = models.CharField(max_length=1000, help_text="the DAG file inside the tree")
    bundle_name = models.CharField(max_length=250, default="dags-folder")
    bundle_version = models.CharField(
        max_length=250, null=True, help_text="of the bundle when it was first seen: a commit"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "DAG version"
        ordering = ["dag", "version_number"]
        constraints = [models.UniqueConstraint(fields=["dag", "version_number"], name="dag_version_key")]

    def __str__(self) -> str:
        return f"{self.dag_id} v{self.version_number}"


class TakenOver(models.Model):
    """How a DAG stood in the installation that it comes from; used once, when the DAG is here."""

    dag_id = models.CharField(max_length=250, primary_key=True)
    is_paused = models.BooleanField(null=True)
    interval_start = models.DateTimeField(null=True, help_text="data interval of its last run of the schedule there")
    interval_end = models.DateTimeField(null=True, help_text="null = not known there: the timetable tells")
    taken_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "DAG taken over"
        verbose_name_plural = "DAGs taken over"

    def __str__(self) -> str:
        return self.dag_id
