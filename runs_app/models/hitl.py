"""What tasks ask people, and what they answered."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class HITLDetail(models.Model):
    """One question of one try of a task instance (human in the loop). The first answer counts, and stays."""

    task_instance = models.ForeignKey("TaskInstance", models.CASCADE, related_name="hitl_details", db_index=False)
    try_number = models.PositiveIntegerField()
    token = models.PositiveBigIntegerField(help_text="of the attempt that asked; nobody waits under an old one")
    subject = models.TextField()
    body = models.TextField(null=True)
    options = models.JSONField()
    defaults = models.JSONField(null=True, help_text="options taken when nobody answers in time")
    multiple = models.BooleanField(default=False, help_text="more than one option may be chosen")
    params = models.JSONField(default=dict, help_text="fields of the form, as params of a DAG")
    assigned_users = models.JSONField(default=list, help_text='who alone may answer: [{"id", "name"}]; empty = anybody')
    created_at = models.DateTimeField()
    responded_at = models.DateTimeField(null=True)
    responded_by_user_id = models.CharField(max_length=250, null=True, help_text="null: the defaults were taken")
    responded_by_user_name = models.CharField(max_length=250, null=True)
    chosen_options = models.JSONField(null=True)
    params_input = models.JSONField(default=dict)
    delivered = models.BooleanField(default=False, help_text="the task went on with this answer")

    class Meta:
        verbose_name = "human-in-the-loop detail"
        constraints = [models.UniqueConstraint(fields=["task_instance", "try_number"], name="hitl_detail_key")]
        indexes = [models.Index(fields=["created_at"], name="hitl_detail_open", condition=Q(responded_at__isnull=True))]

    def __str__(self) -> str:
        return f"“{self.subject[:60]}” of task instance {self.task_instance_id}, try {self.try_number}"
