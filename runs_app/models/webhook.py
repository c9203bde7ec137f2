"""Addresses that are told how runs end, and what each is told."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


def new_id() -> str:
    return uuid.uuid4().hex


class Webhook(models.Model):
    """One address that is told of changes of state, on behalf of its owner: of the DAGs that she may see."""

    # No number: who sees one id must not be able to guess another.
    id = models.CharField(max_length=32, primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100, help_text="what it is for")
    url = models.URLField(max_length=1000)
    secret = models.BinaryField(help_text="what its bodies are signed with, encrypted")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    kinds = models.JSONField(help_text="what it is told of: dag_run.failed and the like")
    dag_ids = models.JSONField(default=list, help_text="only of these DAGs; empty = of all")
    tags = models.JSONField(default=list, help_text="only of DAGs with one of these tags; empty = of all")
    created_at = models.DateTimeField()
    after = models.PositiveBigIntegerField(help_text="the last state event that it is not told of")
    enabled = models.BooleanField(default=True)
    disabled_why = models.CharField(max_length=500, blank=True)
    succeeded_at = models.DateTimeField(null=True, help_text="when a delivery arrived last")

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One message to one address; kept for a while after it arrived, or was given up."""

    id = models.CharField(max_length=32, primary_key=True, default=new_id, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.PositiveBigIntegerField(null=True, help_text="the state event that it tells of; null = a test")
    kind = models.CharField(max_length=50)
    dag_id = models.CharField(max_length=250, blank=True)
    run_id = models.CharField(max_length=250, blank=True)
    body = models.TextField(help_text="JSON, as it is signed and sent")
    state = models.CharField(
        max_length=10, default="waiting", choices=[(each, each) for each in ("waiting", "arrived", "dead")]
    )
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, help_text="when it is sent next; while it is sent, when others may")
    give_up_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True, help_text="of the last answer")
    answer = models.CharField(max_length=500, blank=True, help_text="how the last answer began, or what went wrong")

    class Meta:
        ordering = ["-created_at", "pk"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="delivery_once")]
        indexes = [
            models.Index(fields=["next_at"], name="delivery_due", condition=Q(state="waiting")),
            models.Index(fields=["webhook", "-created_at"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook_id}"
