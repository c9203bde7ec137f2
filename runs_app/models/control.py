"""What the control passes of all processes share."""

from __future__ import annotations

from django.db import models


class ControlState(models.Model):
    """One row: when the last recovery pass was, by the database's clock, and from when on leases may expire."""

    swept_at = models.DateTimeField()
    expire_from = models.DateTimeField(help_text="no lease is taken for expired before: its holder could not renew it")

    # A default of the database's own: the sweep makes this row past the ORM.
    failures_seen = models.PositiveBigIntegerField(
        db_default=0, help_text="last state event that failures are grouped of"
    )
    webhooks_seen = models.PositiveBigIntegerField(db_default=0, help_text="last state event that webhooks are told of")

    def __str__(self) -> str:
        return f"swept at {self.swept_at}"


class PoolStart(models.Model):
    """One start of an attempt in a pool that has a rate; kept for the minute that it counts."""

    pool = models.CharField(max_length=250)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["pool", "at"], name="pool_start")]

    def __str__(self) -> str:
        return f"{self.pool} at {self.at}"


class PoolWeight(models.Model):
    """The most slots that one task has ever asked a pool for; only grows. Written before its task instance is there."""

    pool = models.CharField(max_length=250, primary_key=True, help_text="a name: the pool may be made later")
    heaviest = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.pool}: {self.heaviest}"
