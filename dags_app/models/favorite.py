"""Which DAGs somebody wants to see first."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class FavoriteDag(models.Model):
    """One DAG that one user has starred."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    dag = models.ForeignKey("Dag", models.CASCADE, related_name="favorites")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "dag"], name="favorite_dag_key")]

    def __str__(self) -> str:
        return f"{self.dag_id} of {self.user_id}"
