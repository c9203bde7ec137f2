"""Triggers that watch assets."""

from __future__ import annotations

from django.db import models


class WatchTrigger(models.Model):
    """One trigger that watches, shared by all watchers that define it alike; it runs while a DAG waits for their assets."""

    digest = models.CharField(max_length=64, unique=True, help_text="of class and arguments")
    classpath = models.CharField(max_length=1000)
    kwargs = models.JSONField(default=dict)
    version = models.ForeignKey("dags_app.DagVersion", models.CASCADE, related_name="+", help_text="that has the class")
    process = models.ForeignKey("Process", models.SET_NULL, null=True, related_name="watches")
    not_before = models.DateTimeField(null=True, help_text="when to try again after a failure")
    failures = models.PositiveIntegerField(default=0, help_text="one after the other")
    error = models.TextField(blank=True, help_text="of the last failure, until it works again")
    accepted = models.CharField(max_length=100, blank=True, help_text="the last event, so that none counts twice")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.classpath
