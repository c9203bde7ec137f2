"""The processes of this installation that are, or were, alive."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Process(models.Model):
    """One life of one process and its lease: past ``beat_at`` + the lease it counts as dead."""

    kind = models.CharField(max_length=20, help_text="slot, control, beat, triggerer, processor, web")
    hostname = models.CharField(max_length=250)
    pid = models.IntegerField()
    boot_id = models.CharField(max_length=64, blank=True)
    queues = models.JSONField(default=list)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(help_text="by the database's clock")
    worker_pid = models.IntegerField(null=True, help_text="of a slot: the worker that it is a process of")
    stop_asked = models.BooleanField(default=False, db_default=False, help_text="somebody asked its worker to stop")
    draining = models.BooleanField(default=False, help_text="claims nothing more")
    ended_at = models.DateTimeField(null=True, help_text="when it left, or was found dead")
    end_reason = models.CharField(max_length=250, blank=True)

    class Meta:
        verbose_name_plural = "processes"
        indexes = [models.Index(fields=["kind", "beat_at"], name="process_alive", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.kind} {self.hostname}:{self.pid}"
