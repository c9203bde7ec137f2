"""Failures of one kind, together."""

from __future__ import annotations

from django.db import models


class FailureGroup(models.Model):
    """One kind of failure, by its fingerprint, with what people know about it."""

    digest = models.CharField(max_length=64, unique=True)
    title = models.TextField(help_text="the message of the first of them")
    place = models.CharField(max_length=500, blank=True, help_text="innermost place in the code")
    owner = models.CharField(max_length=250, blank=True, help_text="who looks after it")
    note = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title.split("\n")[0][:200]


class Failure(models.Model):
    """One failed try, as its group counts it. Made by the control pass, never by who ends the attempt."""

    group = models.ForeignKey(FailureGroup, models.CASCADE, related_name="failures", db_index=False)
    task_instance = models.ForeignKey("TaskInstance", models.CASCADE, related_name="failures", db_index=False)
    token = models.PositiveBigIntegerField(help_text="of the attempt")
    try_number = models.PositiveIntegerField(default=0)
    dag_id = models.CharField(max_length=250)
    task_id = models.CharField(max_length=250)
    version_number = models.PositiveIntegerField(null=True)
    log_line = models.PositiveIntegerField(null=True, help_text="where the log tells of it; null = not known")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["task_instance", "token"], name="failure_key")]
        indexes = [
            models.Index(fields=["group", "at"], name="failure_group"),
            models.Index(fields=["dag_id", "at"], name="failure_dag"),
            models.Index(fields=["at"], name="failure_at"),
        ]

    def __str__(self) -> str:
        return f"{self.dag_id}.{self.task_id} at {self.at}"
