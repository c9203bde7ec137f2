"""Attempts and what they leave behind."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .placed import PlacedInRun


class Attempt(models.Model):
    """One claim of a task instance under one token. Open until it has an outcome."""

    # No foreign keys in the database here, either: it is made of the row that was just claimed. Its unique keys serve
    # look-ups by task instance, its partial index those by process.
    task_instance = models.ForeignKey(
        "TaskInstance", models.CASCADE, related_name="attempts", db_constraint=False, db_index=False
    )
    token = models.PositiveBigIntegerField()
    try_number = models.PositiveIntegerField()
    generation = models.PositiveIntegerField()
    process = models.ForeignKey(
        "Process", models.SET_NULL, null=True, related_name="attempts", db_constraint=False, db_index=False
    )
    version = models.ForeignKey(
        "dags_app.DagVersion", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    hostname = models.CharField(max_length=250, default="")
    pid = models.IntegerField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=20,
        null=True,
        help_text="success, failed, skipped, up_for_retry, up_for_reschedule, deferred, awaiting_input, lost, interrupted; "
        "null = open",
    )
    stopping = models.BooleanField(
        default=False,
        db_default=False,
        help_text="it was taken from its process, which has not said yet that it is over",
    )
    reason = models.TextField(blank=True, help_text="why it ended as it did: exception, signal, exit code")
    cpu_seconds = models.FloatField(null=True)
    peak_bytes = models.PositiveBigIntegerField(null=True, help_text="largest resident size")
    hung_since = models.DateTimeField(null=True, help_text="no sign of life since; null = there is, or nobody looked")
    stack = models.TextField(null=True, help_text="where its threads stood when it last looked hung")

    class Meta:
        ordering = ["task_instance", "token"]
        constraints = [
            models.UniqueConstraint(fields=["task_instance", "token"], name="attempt_key"),
            models.UniqueConstraint(
                fields=["task_instance"], name="attempt_one_open", condition=Q(outcome__isnull=True)
            ),
        ]
        indexes = [
            models.Index(fields=["process"], name="attempt_open", condition=Q(outcome__isnull=True)),
            models.Index(
                fields=["task_instance"],
                name="attempt_hung",
                condition=Q(outcome__isnull=True, hung_since__isnull=False),
            ),
            models.Index(fields=["task_instance"], name="attempt_stopping", condition=Q(stopping=True)),
        ]

    def __str__(self) -> str:
        return f"try {self.try_number} (token {self.token}) of task instance {self.task_instance_id}"


class XCom(PlacedInRun, models.Model):
    """A value one task instance left for others. JSON with the SDK's closed list of tags, never pickle."""

    task_instance = models.ForeignKey("TaskInstance", models.CASCADE, related_name="xcoms")
    run = models.ForeignKey("DagRun", models.CASCADE, related_name="xcoms", db_index=False)  # heads its unique key
    dag_id = models.CharField(max_length=250)
    task_id = models.CharField(max_length=250)
    map_index = models.BigIntegerField(default=-1)
    key = models.CharField(max_length=512)
    value = models.JSONField(null=True)
    length = models.PositiveIntegerField(null=True, help_text="of a list or dict, for mapping over it")
    shape = models.JSONField(null=True, help_text="lengths inside of it, where an inner mapping goes over its elements")
    timestamp = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "XCom"
        constraints = [models.UniqueConstraint(fields=["run", "task_id", "map_index", "key"], name="xcom_key")]

    def __str__(self) -> str:
        return f"{self.task_id}[{self.map_index}].{self.key}"


class RenderedFields(models.Model):
    """Templated fields as the last try saw them: masked, then cut to size."""

    task_instance = models.OneToOneField("TaskInstance", models.CASCADE, primary_key=True, related_name="rendered")
    fields = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"rendered fields of task instance {self.task_instance_id}"


class Callback(models.Model):
    """User code to run because something ended, or did not in time, outside of any attempt; claimed like a task."""

    run = models.ForeignKey("DagRun", models.CASCADE, related_name="callbacks")
    task_instance = models.ForeignKey("TaskInstance", models.CASCADE, null=True, related_name="callbacks")
    deadline = models.ForeignKey("Deadline", models.CASCADE, null=True, related_name="callbacks")
    kind = models.CharField(max_length=20, help_text="running, success, failure, retry, skipped, deadline")
    on_triggerer = models.BooleanField(default=False, help_text="awaited in a triggerer, not called on a worker")
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    process = models.ForeignKey("Process", models.SET_NULL, null=True, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=20, default="", blank=True, help_text="called, failed, gave up; empty = not done"
    )

    class Meta:
        indexes = [models.Index(fields=["id"], name="callback_open", condition=Q(done_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.kind} callback of {self.run}"

    @property
    def has_own_log(self) -> bool:
        """What is called in place of an attempt writes into that attempt's log."""
        return self.task_instance_id is None or self.kind.startswith("told_")
