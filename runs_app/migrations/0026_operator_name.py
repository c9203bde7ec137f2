from django.db import migrations, models
from django.db.models import Case, F, Value, When

DECORATED = {
    "_PythonDecoratedOperator": "@task",
    "_BranchPythonDecoratedOperator": "@task.branch",
    "_ShortCircuitDecoratedOperator": "@task.short_circuit",
    "_BashDecoratedOperator": "@task.bash",
    "_PythonVirtualenvDecoratedOperator": "@task.virtualenv",
    "_BranchPythonVirtualenvDecoratedOperator": "@task.branch_virtualenv",
    "_PythonExternalDecoratedOperator": "@task.external_python",
    "_BranchExternalPythonDecoratedOperator": "@task.branch_external_python",
}


def fill(apps, schema_editor):
    """Rows that are there are found by the name, too; operators that name themselves are known from the next run on."""
    known = Case(*(When(operator=of, then=Value(name)) for of, name in DECORATED.items()), default=F("operator"))
    apps.get_model("runs_app", "TaskInstance").objects.update(operator_name=known)


class Migration(migrations.Migration):
    dependencies = [
        ("runs_app", "0025_last_events"),
    ]

    operations = [
        migrations.AddField(
            model_name="taskinstance",
            name="operator_name",
            field=models.CharField(
                help_text="as people know it: @task; null = operator",
                max_length=250,
                null=True,
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
