"""When somebody was here last."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Visit(models.Model):
    """The current, or last, visit of one user: what happened between the one before and its beginning is news to her."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    news_after = models.DateTimeField(help_text="when the visit before began")
    began_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="to the minute")

    def __str__(self) -> str:
        return f"visit of {self.user_id} since {self.began_at}"
