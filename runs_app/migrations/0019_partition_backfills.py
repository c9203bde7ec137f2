from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs_app", "0018_stopping"),
    ]

    operations = [
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
