"""Tokens by which people's programs call the API."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """One token of one person. Only its digest is kept: who made it saw the token itself once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="what it is for")
    digest = models.CharField(max_length=64, unique=True, help_text="sha256 of the token")
    begins = models.CharField(max_length=12, help_text="how it begins, to know it again")
    role = models.CharField(
        max_length=20, blank=True, help_text='may no more than this role; "" = all that its owner may'
    )
    scope = models.CharField(
        max_length=10, blank=True, default="", db_default="", help_text='read, trigger or edit; "" = all of the role'
    )
    dags = models.JSONField(null=True, help_text="ids, or beginnings with *, of the only DAGs it opens; null = all")
    mark = models.CharField(max_length=24, help_text="of the password it was made under: it ends with that")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, help_text="null = never")
    last_used_at = models.DateTimeField(null=True, help_text="to the minute")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API token"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.begins}…)"


class RevokedToken(models.Model):
    """One bearer token that was ended before its time, by its id; kept until it would have expired."""

    jti = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.jti
