"""All tables as they are after the migrations it replaces: an empty database has them in one step, a third of the work."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("dags_app", "0001_initial"),
        ("dags_app", "0002_overlap_policy"),
        ("dags_app", "0003_assets"),
        ("dags_app", "0004_overlap_cancel"),
        ("dags_app", "0005_pool_rate"),
        ("dags_app", "0006_frozen"),
        ("dags_app", "0007_plugins"),
        ("dags_app", "0008_own_timetables"),
        ("dags_app", "0009_holds"),
        ("dags_app", "0010_favorites"),
        ("dags_app", "0011_plugin_calls"),
        ("dags_app", "0012_pools_and_ranges"),
        ("dags_app", "0013_tokens_uses_visits"),
        ("dags_app", "0014_revoked_tokens_and_asked_parses"),
        ("dags_app", "0015_uses_default"),
    ]

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Connection",
            fields=[
                ("conn_id", models.CharField(max_length=250, primary_key=True, serialize=False)),
                ("conn_type", models.CharField(max_length=500)),
                ("description", models.TextField(null=True)),
                ("host", models.CharField(max_length=500, null=True)),
                ("login", models.CharField(max_length=500, null=True)),
                ("schema", models.CharField(max_length=500, null=True)),
                ("port", models.IntegerField(null=True)),
                ("secret", models.BinaryField(help_text='encrypted JSON: {"password", "extra"}', null=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["conn_id"],
            },
        ),
        migrations.CreateModel(
            name="PluginCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="name of a listener's hook, or of a question", max_length=50)),
                ("payload", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                ("claimed_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="PluginSource",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="of the plugin; null = it could not be loaded", max_length=250, null=True
                    ),
                ),
                ("source", models.CharField(help_text="file in the plugins folder, or entry point", max_length=1000)),
                ("brings", models.JSONField(default=dict, help_text="kind -> names of what it brings")),
                ("error", models.TextField(blank=True)),
                ("loaded_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "plugin",
                "ordering": ["name", "source"],
            },
        ),
        migrations.CreateModel(
            name="Pool",
            fields=[
                ("name", models.CharField(max_length=250, primary_key=True, serialize=False)),
                ("slots", models.IntegerField(help_text="-1 = without limit")),
                ("description", models.TextField(blank=True)),
                (
                    "include_deferred",
                    models.BooleanField(default=False, help_text="deferred task instances keep their slots"),
                ),
                (
                    "rate_per_minute",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="so many attempts of its tasks start within any minute; empty = no such limit",
                        null=True,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="RevokedToken",
            fields=[
                ("jti", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SourceBlob",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("content", models.BinaryField()),
                ("size", models.PositiveIntegerField(help_text="bytes")),
            ],
        ),
        migrations.CreateModel(
            name="SourceTree",
            fields=[
                (
                    "digest",
                    models.CharField(
                        help_text="sha256 over the sorted manifest", max_length=64, primary_key=True, serialize=False
                    ),
                ),
                ("manifest", models.JSONField(help_text="path relative to the bundle's root -> sha256 of its blob")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Variable",
            fields=[
                ("key", models.CharField(max_length=250, primary_key=True, serialize=False)),
                ("secret", models.BinaryField(help_text="the encrypted value")),
                ("description", models.TextField(null=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("news_after", models.DateTimeField(help_text="when the visit before began")),
                ("began_at", models.DateTimeField()),
                ("last_at", models.DateTimeField(help_text="to the minute")),
            ],
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="what it is for", max_length=100)),
                ("digest", models.CharField(help_text="sha256 of the token", max_length=64, unique=True)),
                ("begins", models.CharField(help_text="how it begins, to know it again", max_length=12)),
                (
                    "role",
                    models.CharField(
                        blank=True, help_text='may no more than this role; "" = all that its owner may', max_length=20
                    ),
                ),
                (
                    "mark",
                    models.CharField(help_text="of the password it was made under: it ends with that", max_length=24),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="null = never", null=True)),
                ("last_used_at", models.DateTimeField(help_text="to the minute", null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Asset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=1500)),
                ("uri", models.CharField(max_length=1500)),
                ("group", models.CharField(blank=True, default="asset", max_length=1500)),
                ("extra", models.JSONField(default=dict)),
                (
                    "is_active",
                    models.BooleanField(
                        default=False,
                        help_text="a DAG that is there names it, and no other active asset has its name or URI",
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["name"],
                "indexes": [models.Index(fields=["uri"], name="asset_uri")],
                "constraints": [
                    models.UniqueConstraint(fields=("name", "uri"), name="asset_key"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)), fields=("name",), name="asset_active_name"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)), fields=("uri",), name="asset_active_uri"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AssetAlias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=1500, unique=True)),
                ("group", models.CharField(blank=True, default="asset", max_length=1500)),
                ("assets", models.ManyToManyField(related_name="aliases", to="dags_app.asset")),
            ],
            options={
                "verbose_name_plural": "asset aliases",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True, db_index=True)),
                ("actor", models.CharField(help_text="user name, or what acted", max_length=250)),
                (
                    "event",
                    models.CharField(help_text="e.g. trigger_dag_run, patch_dag, clear_task_instances", max_length=100),
                ),
                ("dag_id", models.CharField(max_length=250, null=True)),
                ("run_id", models.CharField(max_length=250, null=True)),
                ("task_id", models.CharField(max_length=250, null=True)),
                ("map_index", models.IntegerField(null=True)),
                ("extra", models.JSONField(default=dict, help_text="before and after, secrets masked")),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="DagFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("bundle_name", models.CharField(default="dags-folder", max_length=250)),
                ("relative_path", models.CharField(max_length=1000)),
                (
                    "digest",
                    models.CharField(blank=True, help_text="source tree digest at the last parse", max_length=64),
                ),
                ("last_parsed_at", models.DateTimeField(null=True)),
                ("last_parse_seconds", models.FloatField(null=True)),
                ("gone_at", models.DateTimeField(help_text="when the file was found to be deleted", null=True)),
                ("parse_asked", models.BooleanField(default=False, help_text="somebody asked for it to be read again")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("bundle_name", "relative_path"), name="dag_file_key")],
            },
        ),
        migrations.CreateModel(
            name="Dag",
            fields=[
                ("dag_id", models.CharField(max_length=250, primary_key=True, serialize=False)),
                ("display_name", models.CharField(blank=True, max_length=500)),
                ("description", models.TextField(null=True)),
                ("fileloc", models.CharField(help_text="absolute path of the file when last parsed", max_length=2000)),
                ("is_paused", models.BooleanField(default=True, help_text="starts no runs; those under way finish")),
                (
                    "is_frozen",
                    models.BooleanField(
                        default=False, help_text="paused, and runs under way start no more tasks, either"
                    ),
                ),
                (
                    "has_held_tasks",
                    models.BooleanField(default=False, help_text="tasks of every run are held: see the holds"),
                ),
                (
                    "is_stale",
                    models.BooleanField(default=False, help_text="its file no longer defines it; history stays"),
                ),
                ("last_parsed_at", models.DateTimeField(null=True)),
                ("last_parse_seconds", models.FloatField(null=True)),
                ("owners", models.JSONField(default=list)),
                ("timetable_summary", models.CharField(max_length=500, null=True)),
                ("timetable_description", models.CharField(max_length=1000, null=True)),
                ("timetable_periodic", models.BooleanField(default=False)),
                ("is_backfillable", models.BooleanField(default=False, help_text="its timetable can be scheduled")),
                (
                    "asset_expression",
                    models.JSONField(help_text="what its schedule says of assets; null = nothing", null=True),
                ),
                (
                    "is_partitioned",
                    models.BooleanField(default=False, help_text="each of its runs is for one partition key"),
                ),
                (
                    "has_task_concurrency_limits",
                    models.BooleanField(
                        default=False, help_text="a task has a max_active_tis limit or a concurrency key"
                    ),
                ),
                ("pools", models.JSONField(default=list, help_text="that its tasks name")),
                ("max_active_runs", models.PositiveIntegerField(default=16)),
                (
                    "overlap_policy",
                    models.CharField(
                        choices=[("queue", "queue"), ("drop", "drop"), ("cancel_oldest", "cancel_oldest")],
                        default="queue",
                        help_text="what becomes of a due run that max_active_runs leaves no room for",
                        max_length=20,
                    ),
                ),
                (
                    "dropped_start",
                    models.DateTimeField(help_text="data interval of the last run that was dropped", null=True),
                ),
                ("dropped_end", models.DateTimeField(null=True)),
                ("max_active_tasks", models.PositiveIntegerField(default=16)),
                ("max_consecutive_failed_dag_runs", models.PositiveIntegerField(default=0)),
                (
                    "next_run_after",
                    models.DateTimeField(help_text="when the next scheduled run is due; null = none", null=True),
                ),
                ("next_logical_date", models.DateTimeField(null=True)),
                ("next_interval_start", models.DateTimeField(null=True)),
                ("next_interval_end", models.DateTimeField(null=True)),
                ("schedule_error", models.TextField(blank=True, help_text="why no next run could be worked out")),
                (
                    "planned_ahead",
                    models.JSONField(help_text="what a timetable of the author's own answered", null=True),
                ),
                (
                    "range_asked",
                    models.JSONField(help_text="dates that its own timetable is to be asked about", null=True),
                ),
                ("range_answer", models.JSONField(help_text="the last such question with its answer", null=True)),
                ("plan_wanted", models.BooleanField(default=False, help_text="its own timetable is to be asked again")),
                (
                    "uses_known",
                    models.BooleanField(
                        db_default=False, default=False, help_text="what it uses was looked for in its sources"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "file",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="dags",
                        to="dags_app.dagfile",
                    ),
                ),
            ],
            options={
                "verbose_name": "DAG",
                "ordering": ["dag_id"],
            },
        ),
        migrations.CreateModel(
            name="DagImportError",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("message", models.TextField(help_text="one line: what failed")),
                ("line", models.PositiveIntegerField(help_text="line of the file the error points at", null=True)),
                ("stack_trace", models.TextField()),
                ("timestamp", models.DateTimeField()),
                (
                    "file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="import_error", to="dags_app.dagfile"
                    ),
                ),
            ],
            options={
                "verbose_name": "import error",
            },
        ),
        migrations.CreateModel(
            name="DagVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version_number", models.PositiveIntegerField()),
                (
                    "digest",
                    models.CharField(help_text="sha256 over the source tree's digest and the spec", max_length=64),
                ),
                ("spec", models.JSONField(help_text="orchestrator.core.serde's form")),
                ("relative_path", models.CharField(help_text="the DAG file inside the tree", max_length=1000)),
                ("bundle_name", models.CharField(default="dags-folder", max_length=250)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "dag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="dags_app.dag"
                    ),
                ),
                (
                    "tree",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="dags_app.sourcetree"
                    ),
                ),
            ],
            options={
                "verbose_name": "DAG version",
                "ordering": ["dag", "version_number"],
                "constraints": [models.UniqueConstraint(fields=("dag", "version_number"), name="dag_version_key")],
            },
        ),
        migrations.AddField(
            model_name="dag",
            name="version",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="dags_app.dagversion"
            ),
        ),
        migrations.CreateModel(
            name="AssetWatcher",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=1500)),
                ("classpath", models.CharField(max_length=1000)),
                ("kwargs", models.JSONField(default=dict)),
                (
                    "digest",
                    models.CharField(
                        help_text="of class and arguments: watchers of one digest share a trigger", max_length=64
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="watchers", to="dags_app.asset"
                    ),
                ),
                (
                    "dag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="asset_watchers", to="dags_app.dag"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        help_text="whose files hold the class",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dags_app.dagversion",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [models.Index(fields=["digest"], name="watcher_digest")],
            },
        ),
        migrations.CreateModel(
            name="FavoriteDag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "dag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="favorites", to="dags_app.dag"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "dag"), name="favorite_dag_key")],
            },
        ),
        migrations.CreateModel(
            name="ScheduleReference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(help_text="of an asset that another file defines", max_length=1500, null=True),
                ),
                ("uri", models.CharField(max_length=1500, null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "alias",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="schedule_references",
                        to="dags_app.assetalias",
                    ),
                ),
                (
                    "asset",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="schedule_references",
                        to="dags_app.asset",
                    ),
                ),
                (
                    "dag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="schedule_references",
                        to="dags_app.dag",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("name__isnull", False)), fields=["name"], name="schedule_ref_name"
                    ),
                    models.Index(condition=models.Q(("uri__isnull", False)), fields=["uri"], name="schedule_ref_uri"),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskReference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("task_id", models.CharField(max_length=250)),
                ("is_outlet", models.BooleanField()),
                (
                    "name",
                    models.CharField(help_text="of an asset that another file defines", max_length=1500, null=True),
                ),
                ("uri", models.CharField(max_length=1500, null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "asset",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="task_references",
                        to="dags_app.asset",
                    ),
                ),
                (
                    "dag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="task_references", to="dags_app.dag"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    models.Index(condition=models.Q(("name__isnull", False)), fields=["name"], name="task_ref_name"),
                    models.Index(condition=models.Q(("uri__isnull", False)), fields=["uri"], name="task_ref_uri"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Use",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="variable, connection, pool, queue", max_length=20)),
                ("name", models.CharField(max_length=250)),
                ("task_id", models.CharField(blank=True, help_text='"" = somewhere in the file', max_length=250)),
                ("in_source", models.BooleanField(default=False, help_text="the current version names it")),
                ("is_optional", models.BooleanField(default=False, help_text="with a default: it need not be there")),
                ("read_at", models.DateTimeField(help_text="when it last asked for it, to the minute", null=True)),
                (
                    "dag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="uses",
                        to="dags_app.dag",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "name"], name="use_of")],
                "constraints": [models.UniqueConstraint(fields=("dag", "kind", "name", "task_id"), name="use_key")],
            },
        ),
        migrations.CreateModel(
            name="DagTag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "dag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tags", to="dags_app.dag"
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [models.UniqueConstraint(fields=("dag", "name"), name="dag_tag_key")],
            },
        ),
        migrations.AddIndex(
            model_name="dag",
            index=models.Index(
                models.F("next_run_after"),
                condition=models.Q(("is_paused", False), ("is_stale", False), ("next_run_after__isnull", False)),
                name="dag_due",
            ),
        ),
        migrations.AddIndex(
            model_name="dag",
            index=models.Index(condition=models.Q(("plan_wanted", True)), fields=["dag_id"], name="dag_plan_wanted"),
        ),
        migrations.AddConstraint(
            model_name="dag",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_frozen", False), ("is_paused", True), _connector="OR"),
                name="dag_frozen_is_paused",
            ),
        ),
    ]
