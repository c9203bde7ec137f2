from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs_app", "0020_hung"),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="stopping",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="it was taken from its process, which has not said yet that it is over",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("stopping", True)), fields=["task_instance"], name="attempt_stopping"
            ),
        ),
        migrations.AddField(
            model_name="backfilldagrun",
            name="partition_key",
            field=models.CharField(help_text="of a partitioned schedule", max_length=250, null=True),
        ),
        migrations.AlterField(
            model_name="backfilldagrun",
            name="logical_date",
            field=models.DateTimeField(help_text="or when its partition begins"),
        ),
    ]
