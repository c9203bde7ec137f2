"""What people did a moment ago and may still take back."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Undo(models.Model):
    """One thing somebody did, with what was there before. Gone when it was taken back, or soon after it expired.

    What was encrypted is kept encrypted: the columns of a variable or a connection stand in ``parts`` as they were.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    actor = models.CharField(max_length=250, help_text="user name, or command line")
    text = models.CharField(max_length=500, help_text="what was done, as its doer was told")
    verbs = models.JSONField(help_text="[verb, DAG or null]: what one must be allowed to do, to take it back")
    parts = models.JSONField(help_text="what was there before, and how it looked afterwards; last done last")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.actor}: {self.text}"

    @property
    def where(self) -> list[str]:
        """The DAGs, and the names of variables, connections and pools, that it is about."""
        return sorted(
            {str(each["key"]) for each in self.parts if "key" in each} | {dag for _, dag in self.verbs if dag}
        )
