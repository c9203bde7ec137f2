"""Bundles: where DAG files come from."""

from __future__ import annotations

from django.db import models

ENVIRONMENT_STATES = ("", "building", "ready", "failed")


class Bundle(models.Model):
    """One place of DAG files, and how it stands with it. The settings say which there are; a processor writes the rest."""

    name = models.CharField(max_length=250, primary_key=True)
    kind = models.CharField(max_length=20, help_text="local, git")
    facts = models.JSONField(default=dict, help_text="what the settings say of it, without credentials")
    is_active = models.BooleanField(default=True, help_text="the settings have it; else its DAGs are stale")
    version = models.CharField(max_length=250, null=True, help_text="the commit that its files are of")
    refreshed_at = models.DateTimeField(null=True, help_text="when it was last known to be current")
    tried_at = models.DateTimeField(null=True, help_text="when that was last tried")
    error = models.TextField(blank=True, help_text="why it could not be; its last good files stay")
    refresh_asked = models.BooleanField(default=False, help_text="somebody asked for it to be refreshed")
    environment_state = models.CharField(
        max_length=20, blank=True, choices=[(each, each) for each in ENVIRONMENT_STATES], help_text='"" = it has none'
    )
    environment_digest = models.CharField(max_length=64, blank=True, help_text="of the one in use")
    environment_wanted = models.CharField(max_length=64, blank=True, help_text="of the one its files ask for")
    environment_log = models.TextField(blank=True, help_text="the end of what the last build said")
    environment_at = models.DateTimeField(null=True, help_text="when the last build began or ended")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
