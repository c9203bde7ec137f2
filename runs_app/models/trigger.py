"""What deferred task instances wait for."""

from __future__ import annotations

from django.db import models


class Trigger(models.Model):
    """One trigger of one deferred task instance; gone when its event is accepted."""

    task_instance = models.OneToOneField("TaskInstance", models.CASCADE, related_name="trigger")
    token = models.PositiveBigIntegerField(help_text="of the attempt that deferred; stale events do not match")
    classpath = models.CharField(max_length=1000)
    kwargs = models.JSONField(default=dict)
    process = models.ForeignKey("Process", models.SET_NULL, null=True, related_name="triggers")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.classpath} for task instance {self.task_instance_id}"
