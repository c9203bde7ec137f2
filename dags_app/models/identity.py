"""Whom an OpenID Connect provider knows an account as."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Identity(models.Model):
    """One person of one provider. The subject alone says who somebody is: names and addresses change hands."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="identity_unique")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"
