from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dags_app", "0011_plugin_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="dag",
            name="pools",
            field=models.JSONField(default=list, help_text="that its tasks name"),
        ),
        migrations.AddField(
            model_name="dag",
            name="range_asked",
            field=models.JSONField(help_text="dates that its own timetable is to be asked about", null=True),
        ),
        migrations.AddField(
            model_name="dag",
            name="range_answer",
            field=models.JSONField(help_text="the last such question with its answer", null=True),
        ),
    ]
