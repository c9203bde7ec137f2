"""What the plugins bring, as they were last loaded."""

from __future__ import annotations

from django.db import models


class PluginSource(models.Model):
    """One plugin, or a file or package that should have brought one and could not be loaded."""

    name = models.CharField(max_length=250, null=True, help_text="of the plugin; null = it could not be loaded")
    source = models.CharField(max_length=1000, help_text="file in the plugins folder, or entry point")
    brings = models.JSONField(default=dict, help_text="kind -> names of what it brings")
    error = models.TextField(blank=True)
    loaded_at = models.DateTimeField()

    class Meta:
        verbose_name = "plugin"
        ordering = ["name", "source"]

    def __str__(self) -> str:
        return self.name or self.source


class PluginCall(models.Model):
    """Something that plugins are to be told or asked, in a process of the DAG processor's; gone when that is done."""

    kind = models.CharField(max_length=50, help_text="name of a listener's hook, or of a question")
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
