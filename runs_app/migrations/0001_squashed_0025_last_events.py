"""All tables as they are after the migrations it replaces: an empty database has them in one step, a third of the work."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import orchestrator.core.backfill
import orchestrator.core.states
import runs_app.models.placed


class Migration(migrations.Migration):
    replaces = [
        ("runs_app", "0001_initial"),
        ("runs_app", "0002_pool_weights"),
        ("runs_app", "0003_cancelled"),
        ("runs_app", "0004_concurrency_keys"),
        ("runs_app", "0005_hitl"),
        ("runs_app", "0006_task_store"),
        ("runs_app", "0007_backfills"),
        ("runs_app", "0008_assets"),
        ("runs_app", "0009_pool_rate"),
        ("runs_app", "0010_partitions"),
        ("runs_app", "0011_watchers"),
        ("runs_app", "0012_group_retries"),
        ("runs_app", "0013_asset_store"),
        ("runs_app", "0014_holds"),
        ("runs_app", "0015_deadlines"),
        ("runs_app", "0016_parked"),
        ("runs_app", "0017_deadline_keys"),
        ("runs_app", "0018_own_mappers"),
        ("runs_app", "0019_nested_mapping"),
        ("runs_app", "0020_hung"),
        ("runs_app", "0021_stopping_and_partitions"),
        ("runs_app", "0022_failures"),
        ("runs_app", "0023_undo"),
        ("runs_app", "0024_made_at"),
        ("runs_app", "0025_last_events"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("dags_app", "0001_squashed_0015_uses_default"),
    ]

    operations = [
        migrations.CreateModel(
            name="ControlState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("swept_at", models.DateTimeField()),
                (
                    "expire_from",
                    models.DateTimeField(
                        help_text="no lease is taken for expired before: its holder could not renew it"
                    ),
                ),
                (
                    "failures_seen",
                    models.PositiveBigIntegerField(
                        db_default=0, help_text="last state event that failures are grouped of"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FailureGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("title", models.TextField(help_text="the message of the first of them")),
                ("place", models.CharField(blank=True, help_text="innermost place in the code", max_length=500)),
                ("owner", models.CharField(blank=True, help_text="who looks after it", max_length=250)),
                ("note", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="PoolWeight",
            fields=[
                (
                    "pool",
                    models.CharField(
                        help_text="a name: the pool may be made later",
                        max_length=250,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("heaviest", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Backfill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_date", models.DateTimeField(help_text="first logical date")),
                ("to_date", models.DateTimeField(help_text="last logical date")),
                ("run_backwards", models.BooleanField(default=False, help_text="the newest first")),
                (
                    "reprocess_behavior",
                    models.CharField(
                        choices=[
                            (
                                orchestrator.core.backfill.Reprocess["NONE"],
                                orchestrator.core.backfill.Reprocess["NONE"],
                            ),
                            (
                                orchestrator.core.backfill.Reprocess["FAILED"],
                                orchestrator.core.backfill.Reprocess["FAILED"],
                            ),
                            (
                                orchestrator.core.backfill.Reprocess["COMPLETED"],
                                orchestrator.core.backfill.Reprocess["COMPLETED"],
                            ),
                        ],
                        default=orchestrator.core.backfill.Reprocess["NONE"],
                        max_length=20,
                    ),
                ),
                ("max_active_runs", models.PositiveIntegerField(default=10)),
                (
                    "dag_run_conf",
                    models.JSONField(help_text="of each run; null = none, cleared runs keep theirs", null=True),
                ),
                (
                    "run_on_latest_version",
                    models.BooleanField(default=False, help_text="cleared runs move to the DAG's latest version"),
                ),
                (
                    "is_paused",
                    models.BooleanField(default=False, help_text="starts no more runs; those under way go on"),
                ),
                ("triggering_user_name", models.CharField(max_length=250, null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField(help_text="last change, or last runs made")),
                (
                    "completed_at",
                    models.DateTimeField(help_text="when its last run ended, or it was cancelled", null=True),
                ),
                (
                    "dag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="backfills",
                        to="dags_app.dag",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [models.Index(fields=["dag", "-id"], name="backfill_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("completed_at__isnull", True)), fields=("dag",), name="backfill_one_open"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DagRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("run_id", models.CharField(max_length=250)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            (orchestrator.core.states.RunState["QUEUED"], orchestrator.core.states.RunState["QUEUED"]),
                            (
                                orchestrator.core.states.RunState["RUNNING"],
                                orchestrator.core.states.RunState["RUNNING"],
                            ),
                            (
                                orchestrator.core.states.RunState["SUCCESS"],
                                orchestrator.core.states.RunState["SUCCESS"],
                            ),
                            (orchestrator.core.states.RunState["FAILED"], orchestrator.core.states.RunState["FAILED"]),
                            (
                                orchestrator.core.states.RunState["CANCELLED"],
                                orchestrator.core.states.RunState["CANCELLED"],
                            ),
                        ],
                        default=orchestrator.core.states.RunState["QUEUED"],
                        max_length=20,
                    ),
                ),
                (
                    "run_type",
                    models.CharField(
                        choices=[
                            (orchestrator.core.states.RunType["MANUAL"], orchestrator.core.states.RunType["MANUAL"]),
                            (
                                orchestrator.core.states.RunType["SCHEDULED"],
                                orchestrator.core.states.RunType["SCHEDULED"],
                            ),
                            (
                                orchestrator.core.states.RunType["BACKFILL"],
                                orchestrator.core.states.RunType["BACKFILL"],
                            ),
                            (
                                orchestrator.core.states.RunType["OPERATOR_TRIGGERED"],
                                orchestrator.core.states.RunType["OPERATOR_TRIGGERED"],
                            ),
                            (
                                orchestrator.core.states.RunType["ASSET_TRIGGERED"],
                                orchestrator.core.states.RunType["ASSET_TRIGGERED"],
                            ),
                            (
                                orchestrator.core.states.RunType["ASSET_MATERIALIZATION"],
                                orchestrator.core.states.RunType["ASSET_MATERIALIZATION"],
                            ),
                        ],
                        max_length=30,
                    ),
                ),
                ("logical_date", models.DateTimeField(null=True)),
                ("data_interval_start", models.DateTimeField(null=True)),
                ("data_interval_end", models.DateTimeField(null=True)),
                ("run_after", models.DateTimeField(help_text="not started before")),
                ("queued_at", models.DateTimeField(help_text="when it was made or last cleared")),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "partition_key",
                    models.CharField(help_text="the part of the data that it is for", max_length=250, null=True),
                ),
                (
                    "partition_date",
                    models.DateTimeField(help_text="when that part begins, where the key says so", null=True),
                ),
                ("conf", models.JSONField(default=dict)),
                ("note", models.TextField(null=True)),
                (
                    "triggered_by",
                    models.CharField(
                        default="ui", help_text="cli, operator, rest_api, ui, timetable ...", max_length=20
                    ),
                ),
                ("triggering_user_name", models.CharField(max_length=250, null=True)),
                (
                    "generation",
                    models.PositiveIntegerField(default=1, help_text="grows each time the run is opened again"),
                ),
                ("timeout_at", models.DateTimeField(help_text="started_at + dagrun_timeout, while it runs", null=True)),
                (
                    "cancelled_at",
                    models.DateTimeField(
                        help_text="somebody cancelled it; it ends cancelled when its teardowns are done", null=True
                    ),
                ),
                (
                    "seq",
                    models.PositiveBigIntegerField(
                        default=0, help_text="grows with every visible change; pages resync by it"
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "backfill",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="runs",
                        to="runs_app.backfill",
                    ),
                ),
                (
                    "dag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="runs", to="dags_app.dag"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="dags_app.dagversion"
                    ),
                ),
            ],
            options={
                "verbose_name": "DAG run",
                "indexes": [
                    models.Index(fields=["dag", "-run_after"], name="dag_run_newest"),
                    models.Index(fields=["run_after"], name="dag_run_recent"),
                    models.Index(
                        condition=models.Q(("partition_key__isnull", False)),
                        fields=["dag", "partition_key"],
                        name="dag_run_partition",
                    ),
                    models.Index(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    orchestrator.core.states.RunState["QUEUED"],
                                    orchestrator.core.states.RunState["RUNNING"],
                                ],
                            )
                        ),
                        fields=["state"],
                        name="dag_run_unfinished",
                    ),
                    models.Index(
                        condition=models.Q(("backfill__isnull", False)), fields=["backfill"], name="dag_run_backfill"
                    ),
                    models.Index(
                        models.F("timeout_at"),
                        condition=models.Q(("timeout_at__isnull", False)),
                        name="dag_run_timeout",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("dag", "run_id"), name="dag_run_key"),
                    models.UniqueConstraint(
                        condition=models.Q(("logical_date__isnull", False)),
                        fields=("dag", "logical_date"),
                        name="dag_run_logical_date",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "state__in",
                                    [
                                        orchestrator.core.states.RunState["CANCELLED"],
                                        orchestrator.core.states.RunState["FAILED"],
                                        orchestrator.core.states.RunState["SUCCESS"],
                                    ],
                                ),
                                ("ended_at__isnull", False),
                            ),
                            models.Q(
                                models.Q(
                                    (
                                        "state__in",
                                        [
                                            orchestrator.core.states.RunState["CANCELLED"],
                                            orchestrator.core.states.RunState["FAILED"],
                                            orchestrator.core.states.RunState["SUCCESS"],
                                        ],
                                    ),
                                    _negated=True,
                                ),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="dag_run_ended_iff_finished",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskInstance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dag_id", models.CharField(help_text="of the run, so that limits need no join", max_length=250)),
                ("task_id", models.CharField(max_length=250)),
                ("map_index", models.BigIntegerField(default=-1, help_text="-1 unless the task is mapped")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            (orchestrator.core.states.TaskState["NONE"], orchestrator.core.states.TaskState["NONE"]),
                            (
                                orchestrator.core.states.TaskState["SCHEDULED"],
                                orchestrator.core.states.TaskState["SCHEDULED"],
                            ),
                            (
                                orchestrator.core.states.TaskState["RUNNING"],
                                orchestrator.core.states.TaskState["RUNNING"],
                            ),
                            (
                                orchestrator.core.states.TaskState["DEFERRED"],
                                orchestrator.core.states.TaskState["DEFERRED"],
                            ),
                            (
                                orchestrator.core.states.TaskState["AWAITING_INPUT"],
                                orchestrator.core.states.TaskState["AWAITING_INPUT"],
                            ),
                            (
                                orchestrator.core.states.TaskState["UP_FOR_RETRY"],
                                orchestrator.core.states.TaskState["UP_FOR_RETRY"],
                            ),
                            (
                                orchestrator.core.states.TaskState["UP_FOR_RESCHEDULE"],
                                orchestrator.core.states.TaskState["UP_FOR_RESCHEDULE"],
                            ),
                            (
                                orchestrator.core.states.TaskState["SUCCESS"],
                                orchestrator.core.states.TaskState["SUCCESS"],
                            ),
                            (
                                orchestrator.core.states.TaskState["FAILED"],
                                orchestrator.core.states.TaskState["FAILED"],
                            ),
                            (
                                orchestrator.core.states.TaskState["SKIPPED"],
                                orchestrator.core.states.TaskState["SKIPPED"],
                            ),
                            (
                                orchestrator.core.states.TaskState["UPSTREAM_FAILED"],
                                orchestrator.core.states.TaskState["UPSTREAM_FAILED"],
                            ),
                            (
                                orchestrator.core.states.TaskState["REMOVED"],
                                orchestrator.core.states.TaskState["REMOVED"],
                            ),
                            (
                                orchestrator.core.states.TaskState["CANCELLED"],
                                orchestrator.core.states.TaskState["CANCELLED"],
                            ),
                        ],
                        default=orchestrator.core.states.TaskState["NONE"],
                        max_length=20,
                    ),
                ),
                (
                    "try_number",
                    models.PositiveIntegerField(
                        default=0, help_text="tries begun since the first; a clear goes on counting"
                    ),
                ),
                (
                    "max_tries",
                    models.IntegerField(
                        default=0, help_text="number of the last try that may be retried: retries + clears"
                    ),
                ),
                (
                    "losses",
                    models.PositiveIntegerField(
                        default=0, help_text="attempts lost with their worker since the last clear"
                    ),
                ),
                ("token", models.PositiveBigIntegerField(default=0, help_text="fencing token; only ever grows")),
                ("generation", models.PositiveIntegerField(default=1, help_text="grows with each clear")),
                (
                    "changed",
                    models.BooleanField(default=False, help_text="mark: its run has not been advanced since it ended"),
                ),
                ("held", models.BooleanField(default=False, help_text="not to be started: see the holds")),
                (
                    "not_before",
                    models.DateTimeField(help_text="next retry, next poke, or timeout of a deferral", null=True),
                ),
                ("queue", models.CharField(default="default", max_length=250)),
                ("pool", models.CharField(default="default_pool", max_length=250)),
                ("pool_slots", models.PositiveIntegerField(default=1)),
                ("priority_weight", models.BigIntegerField(default=1)),
                ("operator", models.CharField(default="", max_length=250)),
                (
                    "limited",
                    models.BooleanField(default=False, help_text="its task has a max_active_tis limit or a key"),
                ),
                (
                    "concurrency_key",
                    models.CharField(help_text="as rendered when it was made", max_length=250, null=True),
                ),
                (
                    "concurrency_limit",
                    models.PositiveIntegerField(help_text="so many of its key run at once", null=True),
                ),
                ("scheduled_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(help_text="of the current or last try", null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("hostname", models.CharField(blank=True, default="", max_length=250)),
                ("pid", models.IntegerField(null=True)),
                (
                    "skip_note",
                    models.JSONField(
                        help_text='what a branch decided: {"followed": [...]} or {"skipped": [...]}', null=True
                    ),
                ),
                ("rendered_map_index", models.CharField(max_length=250, null=True)),
                ("next_method", models.CharField(help_text="where a deferred task goes on", max_length=250, null=True)),
                ("next_kwargs", models.JSONField(null=True)),
                ("reschedule_count", models.PositiveIntegerField(default=0)),
                ("first_started_at", models.DateTimeField(help_text="start of this try's first poke", null=True)),
                ("note", models.TextField(null=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "made_at",
                    models.DateTimeField(help_text="when it was added to the run; null = with the run", null=True),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="task_instances",
                        to="runs_app.dagrun",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="dags_app.dagversion",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("queue"),
                        models.OrderBy(models.F("priority_weight"), descending=True),
                        models.F("scheduled_at"),
                        models.F("id"),
                        condition=models.Q(("state", orchestrator.core.states.TaskState["SCHEDULED"])),
                        name="task_instance_ready",
                    ),
                    models.Index(
                        condition=models.Q(("state", orchestrator.core.states.TaskState["RUNNING"])),
                        fields=["dag_id", "task_id"],
                        name="task_instance_busy",
                    ),
                    models.Index(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    orchestrator.core.states.TaskState["AWAITING_INPUT"],
                                    orchestrator.core.states.TaskState["DEFERRED"],
                                    orchestrator.core.states.TaskState["NONE"],
                                    orchestrator.core.states.TaskState["RUNNING"],
                                    orchestrator.core.states.TaskState["SCHEDULED"],
                                    orchestrator.core.states.TaskState["UP_FOR_RESCHEDULE"],
                                    orchestrator.core.states.TaskState["UP_FOR_RETRY"],
                                ],
                            )
                        ),
                        fields=["run", "task_id"],
                        name="task_instance_unfinished",
                    ),
                    models.Index(condition=models.Q(("changed", True)), fields=["run"], name="task_instance_changed"),
                    models.Index(
                        models.F("not_before"),
                        condition=models.Q(("not_before__isnull", False)),
                        name="task_instance_due",
                    ),
                    models.Index(
                        condition=models.Q(("state", orchestrator.core.states.TaskState["DEFERRED"])),
                        fields=["pool"],
                        name="task_instance_deferred",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("limited", True),
                            (
                                "state__in",
                                [
                                    orchestrator.core.states.TaskState["AWAITING_INPUT"],
                                    orchestrator.core.states.TaskState["DEFERRED"],
                                ],
                            ),
                        ),
                        fields=["dag_id", "task_id"],
                        name="task_instance_parked",
                    ),
                    models.Index(fields=["dag_id", "task_id", "-run"], name="task_instance_history"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "task_id", "map_index"), name="task_instance_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "state__in",
                                    [
                                        orchestrator.core.states.TaskState["CANCELLED"],
                                        orchestrator.core.states.TaskState["FAILED"],
                                        orchestrator.core.states.TaskState["REMOVED"],
                                        orchestrator.core.states.TaskState["SKIPPED"],
                                        orchestrator.core.states.TaskState["SUCCESS"],
                                        orchestrator.core.states.TaskState["UPSTREAM_FAILED"],
                                    ],
                                ),
                                ("ended_at__isnull", False),
                            ),
                            models.Q(
                                models.Q(
                                    (
                                        "state__in",
                                        [
                                            orchestrator.core.states.TaskState["CANCELLED"],
                                            orchestrator.core.states.TaskState["FAILED"],
                                            orchestrator.core.states.TaskState["REMOVED"],
                                            orchestrator.core.states.TaskState["SKIPPED"],
                                            orchestrator.core.states.TaskState["SUCCESS"],
                                            orchestrator.core.states.TaskState["UPSTREAM_FAILED"],
                                        ],
                                    ),
                                    _negated=True,
                                ),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="task_instance_ended_iff_finished",
                    ),
                ],
            },
            bases=(runs_app.models.placed.Placed, models.Model),
        ),
        migrations.CreateModel(
            name="BackfillDagRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ordinal", models.PositiveIntegerField(help_text="1, 2, ...: the order in which the runs start")),
                ("logical_date", models.DateTimeField(help_text="or when its partition begins")),
                ("partition_key", models.CharField(help_text="of a partitioned schedule", max_length=250, null=True)),
                ("interval_start", models.DateTimeField()),
                ("interval_end", models.DateTimeField()),
                ("run_after", models.DateTimeField()),
                (
                    "settled",
                    models.BooleanField(
                        default=False, help_text="its run was made or cleared, or there is a reason why not"
                    ),
                ),
                ("exception_reason", models.CharField(help_text="why no run was made", max_length=50, null=True)),
                (
                    "backfill",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entries",
                        to="runs_app.backfill",
                    ),
                ),
                (
                    "dag_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="backfill_entries",
                        to="runs_app.dagrun",
                    ),
                ),
            ],
            options={
                "ordering": ["backfill", "ordinal"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("settled", False)),
                        fields=["backfill", "ordinal"],
                        name="backfill_entry_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("backfill", "ordinal"), name="backfill_entry_key"),
                    models.UniqueConstraint(fields=("backfill", "dag_run"), name="backfill_entry_run"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AssetEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("extra", models.JSONField(default=dict)),
                ("source_dag_id", models.CharField(max_length=250, null=True)),
                ("source_task_id", models.CharField(max_length=250, null=True)),
                ("source_run_id", models.CharField(max_length=250, null=True)),
                ("source_map_index", models.BigIntegerField(default=-1)),
                ("partition_key", models.CharField(max_length=250, null=True)),
                ("timestamp", models.DateTimeField()),
                (
                    "aliases",
                    models.ManyToManyField(
                        help_text="it was announced under", related_name="events", to="dags_app.assetalias"
                    ),
                ),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="dags_app.asset"
                    ),
                ),
                (
                    "runs",
                    models.ManyToManyField(
                        help_text="that were made for it", related_name="asset_events", to="runs_app.dagrun"
                    ),
                ),
            ],
            options={
                "ordering": ["timestamp", "id"],
                "indexes": [
                    models.Index(fields=["asset", "-timestamp"], name="asset_event_newest"),
                    models.Index(fields=["source_dag_id", "source_run_id"], name="asset_event_source"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Deadline",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="names its alert, in every version that defines it", max_length=64)),
                (
                    "task_id",
                    models.CharField(blank=True, default="", help_text="empty = the run's own", max_length=250),
                ),
                (
                    "map_index",
                    models.BigIntegerField(default=-1, help_text="-1 = the run's, or the whole of the task's"),
                ),
                ("name", models.CharField(max_length=250, null=True)),
                ("deadline_time", models.DateTimeField()),
                ("missed", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deadlines",
                        to="runs_app.dagrun",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(models.F("deadline_time"), condition=models.Q(("missed", False)), name="deadline_open")
                ],
                "constraints": [models.UniqueConstraint(fields=("run", "key", "map_index"), name="deadline_key")],
            },
            bases=(runs_app.models.placed.PlacedInRun, models.Model),
        ),
        migrations.CreateModel(
            name="GroupRetry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("group_id", models.CharField(max_length=250)),
                ("map_index", models.BigIntegerField(default=-1, help_text="-1 unless the group is mapped")),
                ("retried", models.PositiveIntegerField(default=0)),
                (
                    "not_before",
                    models.DateTimeField(help_text="when it is run again; null = it is under way, or done", null=True),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_retries",
                        to="runs_app.dagrun",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("not_before"),
                        condition=models.Q(("not_before__isnull", False)),
                        name="group_retry_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "group_id", "map_index"), name="group_retry_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("task_id", models.CharField(max_length=250)),
                ("map_index", models.BigIntegerField(default=-1, help_text="-1 = all of the task")),
                ("held_by", models.CharField(max_length=250)),
                ("reason", models.TextField(blank=True)),
                ("until", models.DateTimeField(help_text="released by itself then", null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "dag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="holds",
                        to="dags_app.dag",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        help_text="null = every run",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="holds",
                        to="runs_app.dagrun",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [
                    models.Index(condition=models.Q(("until__isnull", False)), fields=["until"], name="hold_due")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("run__isnull", True)), fields=("dag", "task_id"), name="hold_of_task"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("run__isnull", False)),
                        fields=("run", "task_id", "map_index"),
                        name="hold_in_run",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PendingPartition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("partition_key", models.CharField(max_length=250)),
                ("partition_date", models.DateTimeField(help_text="the producers' own, where they agree", null=True)),
                (
                    "fingerprint",
                    models.CharField(help_text="of the mappers that its parts were mapped by", max_length=64),
                ),
                (
                    "changed",
                    models.BooleanField(default=True, help_text="nobody has looked since its last part arrived"),
                ),
                ("created_at", models.DateTimeField()),
                ("touched_at", models.DateTimeField()),
                (
                    "dag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pending_partitions",
                        to="dags_app.dag",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "indexes": [
                    models.Index(condition=models.Q(("changed", True)), fields=["dag"], name="pending_partition_new")
                ],
                "constraints": [models.UniqueConstraint(fields=("dag", "partition_key"), name="pending_partition_key")],
            },
        ),
        migrations.CreateModel(
            name="PartitionPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source_key", models.CharField(max_length=250)),
                ("expected", models.JSONField(help_text="keys that the pending one waits for; of a rollup", null=True)),
                ("date", models.DateTimeField(help_text="when the pending partition begins", null=True)),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="dags_app.asset"
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="runs_app.assetevent"
                    ),
                ),
                (
                    "pending",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="runs_app.pendingpartition",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("pending", "event"), name="partition_part_key")],
            },
        ),
        migrations.CreateModel(
            name="PoolStart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pool", models.CharField(max_length=250)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["pool", "at"], name="pool_start")],
            },
        ),
        migrations.CreateModel(
            name="Process",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="slot, control, beat, triggerer, processor, web", max_length=20)),
                ("hostname", models.CharField(max_length=250)),
                ("pid", models.IntegerField()),
                ("boot_id", models.CharField(blank=True, max_length=64)),
                ("queues", models.JSONField(default=list)),
                ("started_at", models.DateTimeField()),
                ("beat_at", models.DateTimeField(help_text="by the database's clock")),
                (
                    "worker_pid",
                    models.IntegerField(help_text="of a slot: the worker that it is a process of", null=True),
                ),
                (
                    "stop_asked",
                    models.BooleanField(db_default=False, default=False, help_text="somebody asked its worker to stop"),
                ),
                ("draining", models.BooleanField(default=False, help_text="claims nothing more")),
                ("ended_at", models.DateTimeField(help_text="when it left, or was found dead", null=True)),
                ("end_reason", models.CharField(blank=True, max_length=250)),
            ],
            options={
                "verbose_name_plural": "processes",
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)), fields=["kind", "beat_at"], name="process_alive"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="QueuedEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(help_text="of the first of them")),
                (
                    "touched_at",
                    models.DateTimeField(
                        help_text="of the last; written so that who takes the row waits for who adds to it"
                    ),
                ),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="queued_events", to="dags_app.asset"
                    ),
                ),
                (
                    "dag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="queued_events",
                        to="dags_app.dag",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "constraints": [models.UniqueConstraint(fields=("dag", "asset"), name="queued_event_key")],
            },
        ),
        migrations.CreateModel(
            name="RenderedFields",
            fields=[
                (
                    "task_instance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="rendered",
                        serialize=False,
                        to="runs_app.taskinstance",
                    ),
                ),
                ("fields", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="HITLDetail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("try_number", models.PositiveIntegerField()),
                (
                    "token",
                    models.PositiveBigIntegerField(
                        help_text="of the attempt that asked; nobody waits under an old one"
                    ),
                ),
                ("subject", models.TextField()),
                ("body", models.TextField(null=True)),
                ("options", models.JSONField()),
                ("defaults", models.JSONField(help_text="options taken when nobody answers in time", null=True)),
                ("multiple", models.BooleanField(default=False, help_text="more than one option may be chosen")),
                ("params", models.JSONField(default=dict, help_text="fields of the form, as params of a DAG")),
                (
                    "assigned_users",
                    models.JSONField(default=list, help_text='who alone may answer: [{"id", "name"}]; empty = anybody'),
                ),
                ("created_at", models.DateTimeField()),
                ("responded_at", models.DateTimeField(null=True)),
                (
                    "responded_by_user_id",
                    models.CharField(help_text="null: the defaults were taken", max_length=250, null=True),
                ),
                ("responded_by_user_name", models.CharField(max_length=250, null=True)),
                ("chosen_options", models.JSONField(null=True)),
                ("params_input", models.JSONField(default=dict)),
                ("delivered", models.BooleanField(default=False, help_text="the task went on with this answer")),
                (
                    "task_instance",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hitl_details",
                        to="runs_app.taskinstance",
                    ),
                ),
            ],
            options={
                "verbose_name": "human-in-the-loop detail",
                "indexes": [
                    models.Index(
                        condition=models.Q(("responded_at__isnull", True)),
                        fields=["created_at"],
                        name="hitl_detail_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("task_instance", "try_number"), name="hitl_detail_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="Failure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.PositiveBigIntegerField(help_text="of the attempt")),
                ("try_number", models.PositiveIntegerField(default=0)),
                ("dag_id", models.CharField(max_length=250)),
                ("task_id", models.CharField(max_length=250)),
                ("version_number", models.PositiveIntegerField(null=True)),
                (
                    "log_line",
                    models.PositiveIntegerField(help_text="where the log tells of it; null = not known", null=True),
                ),
                ("at", models.DateTimeField()),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="failures",
                        to="runs_app.failuregroup",
                    ),
                ),
                (
                    "task_instance",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="failures",
                        to="runs_app.taskinstance",
                    ),
                ),
            ],
            options={
                "ordering": ["at"],
                "indexes": [
                    models.Index(fields=["group", "at"], name="failure_group"),
                    models.Index(fields=["dag_id", "at"], name="failure_dag"),
                    models.Index(fields=["at"], name="failure_at"),
                ],
                "constraints": [models.UniqueConstraint(fields=("task_instance", "token"), name="failure_key")],
            },
        ),
        migrations.CreateModel(
            name="Callback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(help_text="running, success, failure, retry, skipped, deadline", max_length=20),
                ),
                (
                    "on_triggerer",
                    models.BooleanField(default=False, help_text="awaited in a triggerer, not called on a worker"),
                ),
                ("reason", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True, default="", help_text="called, failed, gave up; empty = not done", max_length=20
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="callbacks", to="runs_app.dagrun"
                    ),
                ),
                (
                    "deadline",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callbacks",
                        to="runs_app.deadline",
                    ),
                ),
                (
                    "process",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="runs_app.process"
                    ),
                ),
                (
                    "task_instance",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callbacks",
                        to="runs_app.taskinstance",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("done_at__isnull", True)), fields=["id"], name="callback_open")
                ],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.PositiveBigIntegerField()),
                ("try_number", models.PositiveIntegerField()),
                ("generation", models.PositiveIntegerField()),
                ("hostname", models.CharField(default="", max_length=250)),
                ("pid", models.IntegerField(null=True)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        help_text="success, failed, skipped, up_for_retry, up_for_reschedule, deferred, awaiting_input, lost, interrupted; null = open",
                        max_length=20,
                        null=True,
                    ),
                ),
                (
                    "stopping",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="it was taken from its process, which has not said yet that it is over",
                    ),
                ),
                (
                    "reason",
                    models.TextField(blank=True, help_text="why it ended as it did: exception, signal, exit code"),
                ),
                ("cpu_seconds", models.FloatField(null=True)),
                ("peak_bytes", models.PositiveBigIntegerField(help_text="largest resident size", null=True)),
                (
                    "hung_since",
                    models.DateTimeField(
                        help_text="no sign of life since; null = there is, or nobody looked", null=True
                    ),
                ),
                ("stack", models.TextField(help_text="where its threads stood when it last looked hung", null=True)),
                (
                    "version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="dags_app.dagversion",
                    ),
                ),
                (
                    "process",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="attempts",
                        to="runs_app.process",
                    ),
                ),
                (
                    "task_instance",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="runs_app.taskinstance",
                    ),
                ),
            ],
            options={
                "ordering": ["task_instance", "token"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("outcome__isnull", True)), fields=["process"], name="attempt_open"
                    ),
                    models.Index(
                        condition=models.Q(("hung_since__isnull", False), ("outcome__isnull", True)),
                        fields=["task_instance"],
                        name="attempt_hung",
                    ),
                    models.Index(
                        condition=models.Q(("stopping", True)), fields=["task_instance"], name="attempt_stopping"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("task_instance", "token"), name="attempt_key"),
                    models.UniqueConstraint(
                        condition=models.Q(("outcome__isnull", True)),
                        fields=("task_instance",),
                        name="attempt_one_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StateEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.PositiveIntegerField(default=1)),
                ("old", models.CharField(max_length=20)),
                ("new", models.CharField(max_length=20)),
                ("token", models.PositiveBigIntegerField(default=0)),
                ("actor", models.CharField(help_text="engine, sweep, worker, triggerer, or user:NAME", max_length=250)),
                ("reason", models.TextField(blank=True)),
                ("at", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="runs_app.dagrun",
                    ),
                ),
                (
                    "task_instance",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="runs_app.taskinstance",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [models.Index(fields=["run", "id"], name="state_event_of_run")],
            },
        ),
        migrations.CreateModel(
            name="TaskStoreEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=512)),
                ("value", models.JSONField()),
                ("updated_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="null = never", null=True)),
                (
                    "task_instance",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="store",
                        to="runs_app.taskinstance",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "task store entries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("expires_at__isnull", False)),
                        fields=["expires_at"],
                        name="task_store_expiry",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("task_instance", "key"), name="task_store_key")],
            },
        ),
        migrations.CreateModel(
            name="Trigger",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "token",
                    models.PositiveBigIntegerField(help_text="of the attempt that deferred; stale events do not match"),
                ),
                ("classpath", models.CharField(max_length=1000)),
                ("kwargs", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "process",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="triggers",
                        to="runs_app.process",
                    ),
                ),
                (
                    "task_instance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="trigger", to="runs_app.taskinstance"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Undo",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(help_text="user name, or command line", max_length=250)),
                ("text", models.CharField(help_text="what was done, as its doer was told", max_length=500)),
                (
                    "verbs",
                    models.JSONField(help_text="[verb, DAG or null]: what one must be allowed to do, to take it back"),
                ),
                (
                    "parts",
                    models.JSONField(help_text="what was there before, and how it looked afterwards; last done last"),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="UnreadEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "dag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unread_events",
                        to="dags_app.dag",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="unread_by", to="runs_app.assetevent"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("dag", "event"), name="unread_event_key")],
            },
        ),
        migrations.CreateModel(
            name="WatchTrigger",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(help_text="of class and arguments", max_length=64, unique=True)),
                ("classpath", models.CharField(max_length=1000)),
                ("kwargs", models.JSONField(default=dict)),
                ("not_before", models.DateTimeField(help_text="when to try again after a failure", null=True)),
                ("failures", models.PositiveIntegerField(default=0, help_text="one after the other")),
                ("error", models.TextField(blank=True, help_text="of the last failure, until it works again")),
                (
                    "accepted",
                    models.CharField(blank=True, help_text="the last event, so that none counts twice", max_length=100),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "process",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="watches",
                        to="runs_app.process",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        help_text="that has the class",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dags_app.dagversion",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="XCom",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dag_id", models.CharField(max_length=250)),
                ("task_id", models.CharField(max_length=250)),
                ("map_index", models.BigIntegerField(default=-1)),
                ("key", models.CharField(max_length=512)),
                ("value", models.JSONField(null=True)),
                ("length", models.PositiveIntegerField(help_text="of a list or dict, for mapping over it", null=True)),
                (
                    "shape",
                    models.JSONField(
                        help_text="lengths inside of it, where an inner mapping goes over its elements", null=True
                    ),
                ),
                ("timestamp", models.DateTimeField(auto_now_add=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="xcoms",
                        to="runs_app.dagrun",
                    ),
                ),
                (
                    "task_instance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="xcoms", to="runs_app.taskinstance"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("run", "task_id", "map_index", "key"), name="xcom_key")
                ],
            },
            bases=(runs_app.models.placed.PlacedInRun, models.Model),
        ),
        migrations.CreateModel(
            name="AssetStoreEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=512)),
                ("value", models.JSONField()),
                ("updated_at", models.DateTimeField()),
                ("updated_by", models.JSONField(default=dict, help_text="kind (task, api), and which task instance")),
                (
                    "asset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="store",
                        to="dags_app.asset",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "asset store entries",
                "constraints": [models.UniqueConstraint(fields=("asset", "key"), name="asset_store_key")],
            },
        ),
    ]
