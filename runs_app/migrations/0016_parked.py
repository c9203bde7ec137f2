from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs_app", "0015_deadlines"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="taskinstance",
            index=models.Index(
                condition=models.Q(("limited", True), ("state__in", ["awaiting_input", "deferred"])),
                fields=["dag_id", "task_id"],
                name="task_instance_parked",
            ),
        ),
    ]
