"""What DAGs share: pools, variables, connections; and who changed what."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Pool(models.Model):
    """A number of slots that running task instances take from."""

    name = models.CharField(max_length=250, primary_key=True)
    slots = models.IntegerField(help_text="-1 = without limit")
    description = models.TextField(blank=True)
    include_deferred = models.BooleanField(default=False, help_text="deferred task instances keep their slots")
    rate_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="so many attempts of its tasks start within any minute; empty = no such limit"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Variable(models.Model):
    """A named value that DAGs read. Stored encrypted; read and written through :mod:`dags_app.secrets`."""

    key = models.CharField(max_length=250, primary_key=True)
    secret = models.BinaryField(help_text="the encrypted value")
    description = models.TextField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class Connection(models.Model):
    """Where and how to reach something. Password and extra are stored encrypted."""

    conn_id = models.CharField(max_length=250, primary_key=True)
    conn_type = models.CharField(max_length=500)
    description = models.TextField(null=True)
    host = models.CharField(max_length=500, null=True)
    login = models.CharField(max_length=500, null=True)
    schema = models.CharField(max_length=500, null=True)
    port = models.IntegerField(null=True)
    secret = models.BinaryField(null=True, help_text='encrypted JSON: {"password", "extra"}')
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["conn_id"]

    def __str__(self) -> str:
        return self.conn_id


class AuditEntry(models.Model):
    """One thing somebody did. Only ever added to; survives what it speaks of."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=250, help_text="user name, or what acted")
    how = models.CharField(
        max_length=120, blank=True, default="", db_default="", help_text="page, sign-in token, token: NAME, command"
    )
    event = models.CharField(max_length=100, help_text="e.g. trigger_dag_run, patch_dag, clear_task_instances")
    dag_id = models.CharField(max_length=250, null=True)
    run_id = models.CharField(max_length=250, null=True)
    task_id = models.CharField(max_length=250, null=True)
    map_index = models.IntegerField(null=True)
    extra = models.JSONField(default=dict, help_text="before and after, secrets masked")

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor} {self.event} {self.dag_id or ''}"
