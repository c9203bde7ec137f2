"""Task instances: the queue, the grid and the history in one table."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from orchestrator.core.states import FINISHED, UNFINISHED, TaskState

from .placed import Placed


class TaskInstance(Placed, models.Model):
    """One task of one run. ``state`` is written only by :mod:`runs_app.transitions`."""

    run = models.ForeignKey("DagRun", models.CASCADE, related_name="task_instances", db_index=False)  # heads its key
    dag_id = models.CharField(max_length=250, help_text="of the run, so that limits need no join")
    task_id = models.CharField(max_length=250)
    map_index = models.BigIntegerField(default=-1, help_text="-1 unless the task is mapped")
    state = models.CharField(max_length=20, choices=[(s, s) for s in TaskState], default=TaskState.NONE)
    try_number = models.PositiveIntegerField(
        default=0, help_text="tries begun since the first; a clear goes on counting"
    )
    max_tries = models.IntegerField(default=0, help_text="number of the last try that may be retried: retries + clears")
    losses = models.PositiveIntegerField(default=0, help_text="attempts lost with their worker since the last clear")
    token = models.PositiveBigIntegerField(default=0, help_text="fencing token; only ever grows")
    generation = models.PositiveIntegerField(default=1, help_text="grows with each clear")
    changed = models.BooleanField(default=False, help_text="mark: its run has not been advanced since it ended")
    held = models.BooleanField(default=False, help_text="not to be started: see the holds")
    not_before = models.DateTimeField(null=True, help_text="next retry, next poke, or timeout of a deferral")
    queue = models.CharField(max_length=250, default="default")
    pool = models.CharField(max_length=250, default="default_pool")
    pool_slots = models.PositiveIntegerField(default=1)
    priority_weight = models.BigIntegerField(default=1)
    operator = models.CharField(max_length=250, default="")
    operator_name = models.CharField(max_length=250, null=True, help_text="as people know it: @task; null = operator")
    limited = models.BooleanField(default=False, help_text="its task has a max_active_tis limit or a key")
    concurrency_key = models.CharField(max_length=250, null=True, help_text="as rendered when it was made")
    concurrency_limit = models.PositiveIntegerField(null=True, help_text="so many of its key run at once")
    scheduled_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True, help_text="of the current or last try")
    ended_at = models.DateTimeField(null=True)
    hostname = models.CharField(max_length=250, default="", blank=True)
    pid = models.IntegerField(null=True)
    version = models.ForeignKey("dags_app.DagVersion", models.PROTECT, null=True, related_name="+", db_index=False)
    skip_note = models.JSONField(
        null=True, help_text='what a branch decided: {"followed": [...]} or {"skipped": [...]}'
    )
    rendered_map_index = models.CharField(max_length=250, null=True)
    next_method = models.CharField(max_length=250, null=True, help_text="where a deferred task goes on")
    next_kwargs = models.JSONField(null=True)
    reschedule_count = models.PositiveIntegerField(default=0)
    first_started_at = models.DateTimeField(null=True, help_text="start of this try's first poke")
    note = models.TextField(null=True)
    updated_at = models.DateTimeField(auto_now=True)
    made_at = models.DateTimeField(null=True, help_text="when it was added to the run; null = with the run")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "task_id", "map_index"], name="task_instance_key"),
            models.CheckConstraint(
                name="task_instance_ended_iff_finished",
                condition=(Q(state__in=sorted(FINISHED)) & Q(ended_at__isnull=False))
                | (~Q(state__in=sorted(FINISHED)) & Q(ended_at__isnull=True)),
            ),
        ]
        indexes = [
            # The queue: what a slot claims, best first.
            models.Index(
                F("queue"),
                F("priority_weight").desc(),
                F("scheduled_at"),
                F("id"),
                name="task_instance_ready",
                condition=Q(state=TaskState.SCHEDULED),
            ),
            models.Index(fields=["dag_id", "task_id"], name="task_instance_busy", condition=Q(state=TaskState.RUNNING)),
            models.Index(
                fields=["run", "task_id"], name="task_instance_unfinished", condition=Q(state__in=sorted(UNFINISHED))
            ),
            models.Index(fields=["run"], name="task_instance_changed", condition=Q(changed=True)),
            models.Index(F("not_before"), name="task_instance_due", condition=Q(not_before__isnull=False)),
            models.Index(fields=["pool"], name="task_instance_deferred", condition=Q(state=TaskState.DEFERRED)),
            models.Index(
                fields=["dag_id", "task_id"],
                name="task_instance_parked",
                condition=Q(limited=True, state__in=[TaskState.AWAITING_INPUT, TaskState.DEFERRED]),
            ),
            models.Index(fields=["dag_id", "task_id", "-run"], name="task_instance_history"),
        ]

    def __str__(self) -> str:
        index = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}.{self.task_id}{index} of run {self.run_id}"
