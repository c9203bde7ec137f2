from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dags_app", "0010_favorites"),
    ]

    operations = [
        migrations.AddField(
            model_name="dag",
            name="pools",
            field=models.JSONField(default=list, help_text="that its tasks name"),
        ),
    ]
