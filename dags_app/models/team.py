"""Teams: people, and the DAGs that they may see or act on."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Team(models.Model):
    """A name for people and DAGs. Its DAGs are those that fit one of the rules, or that name it themselves."""

    name = models.CharField(max_length=50, unique=True)
    description = models.CharField(max_length=500, blank=True)
    rules = models.JSONField(default=list, help_text='[kind, value]: "dag", "folder", "tag" or "owner"')
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """Somebody of a team, with what she may do with its DAGs."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="team_memberships")
    role = models.CharField(max_length=20, help_text="viewer or user")
    from_groups = models.BooleanField(default=False, help_text="given, and taken again, by the groups of a sign-in")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="team_member_unique")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
