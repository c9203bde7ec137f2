"""Deadlines name their alerts by a key instead of a place in a list, and may be of a task; callbacks say how they ended."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Cast, Concat

from orchestrator.core.deadlines import keyed


def name_by_key(apps, schema_editor):
    Deadline = apps.get_model("runs_app", "Deadline")
    DagVersion = apps.get_model("dags_app", "DagVersion")
    versions = set(Deadline.objects.values_list("run__version_id", flat=True))
    for version_pk in sorted(versions):
        spec = DagVersion.objects.values_list("spec", flat=True).get(pk=version_pk)
        keys = [each.key for each in keyed("", spec.get("deadlines", []))]
        rows = Deadline.objects.filter(run__version_id=version_pk)
        for position, key in enumerate(keys):
            rows.filter(position=position).update(key=key)
        # Of an earlier version of a run that moved on: under such a key nothing is called. Not deleted here: PostgreSQL
        # changes no table that rows were deleted from in the same transaction.
        rows.filter(position__gte=len(keys)).update(key=Concat(Value("gone-"), Cast("pk", models.CharField())))


def no_place(apps, schema_editor):
    """A place cannot be told from a key: after going back nothing is called for the rows that are there."""
    apps.get_model("runs_app", "Deadline").objects.update(position=F("pk"))


class Migration(migrations.Migration):
    dependencies = [("runs_app", "0016_parked"), ("dags_app", "0009_holds")]

    operations = [
        migrations.AddField("deadline", "key", models.CharField(default="", max_length=64), preserve_default=False),
        migrations.AddField(
            "deadline",
            "task_id",
            models.CharField(blank=True, default="", help_text="empty = the run's own", max_length=250),
        ),
        migrations.AddField(
            "deadline",
            "map_index",
            models.IntegerField(default=-1, help_text="-1 = the run's, or the whole of the task's"),
        ),
        migrations.AlterField("deadline", "position", models.PositiveIntegerField(null=True)),
        migrations.RunPython(name_by_key, no_place, elidable=True),
        migrations.RemoveConstraint("deadline", "deadline_key"),
        migrations.RemoveField("deadline", "position"),
        migrations.AlterField(
            "deadline",
            "key",
            models.CharField(help_text="names its alert, in every version that defines it", max_length=64),
        ),
        migrations.AddConstraint(
            "deadline", models.UniqueConstraint(fields=["run", "key", "map_index"], name="deadline_key")
        ),
        migrations.AddField(
            "callback",
            "outcome",
            models.CharField(
                blank=True, default="", help_text="called, failed, gave up; empty = not done", max_length=20
            ),
        ),
        migrations.AlterField(
            "callback",
            "kind",
            models.CharField(help_text="running, success, failure, retry, skipped, deadline", max_length=20),
        ),
    ]
