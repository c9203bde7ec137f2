"""What DAG authors import. Names load when they are first used, so that a DAG file parses fast."""

from __future__ import annotations

from typing import Any

NAMES = {
    "orchestrator.sdk.definition": ("DAG", "dag"),
    "orchestrator.sdk.operator": ("BaseOperator",),
    "orchestrator.sdk.links": ("BaseOperatorLink",),
    "orchestrator.sdk.taskgroup": ("TaskGroup",),
    "orchestrator.sdk.xcom_arg": ("XComArg",),
    "orchestrator.sdk.xcom": ("BaseXCom", "XCom"),
    "orchestrator.sdk.object_storage": ("ObjectStoragePath",),
    "orchestrator.sdk.serializers": ("register_serializer",),
    "orchestrator.sdk.edges": ("EdgeModifier", "Label", "chain", "chain_linear", "cross_downstream"),
    "orchestrator.sdk.params": ("DagParam", "Param"),
    "orchestrator.sdk.connections": ("BaseHook", "Connection", "Variable"),
    "orchestrator.sdk.context": ("Context", "get_current_context"),
    "orchestrator.sdk.decorators": ("result", "setup", "task", "task_group", "teardown"),
    "orchestrator.sdk.sensor": ("BaseSensorOperator", "PokeReturnValue", "poke_mode_only"),
    "orchestrator.sdk.retry_policy": (
        *("ExceptionRetryPolicy", "RetryAction", "RetryDecision", "RetryPolicy", "RetryRule"),
    ),
    "orchestrator.sdk.secrets_backend": ("BaseSecretsBackend", "LocalFilesystemBackend"),
    "orchestrator.sdk.plugins": ("AirflowPlugin",),
    "orchestrator.sdk.listeners": ("hookimpl",),
    "orchestrator.sdk.weight_rules": ("PriorityWeightStrategy",),
    "orchestrator.sdk.state_store": ("NEVER_EXPIRE",),
    "orchestrator.sdk.templating": ("literal",),
    "orchestrator.sdk.notifier": ("BaseNotifier",),
    "orchestrator.sdk.deadlines": (
        *("AsyncCallback", "DeadlineAlert", "DeadlineReference", "SyncCallback", "VariableInterval"),
    ),
    "orchestrator.sdk.enums": ("DagRunState", "State", "TaskInstanceState", "TriggerRule", "WeekDay", "WeightRule"),
    "orchestrator.sdk.assets": (
        *("Asset", "AssetAccessControl", "AssetAlias", "AssetAll", "AssetAny", "AssetOrTimeSchedule", "AssetWatcher"),
        *("Dataset", "Metadata", "Model"),
    ),
    "orchestrator.sdk.asset_decorator": ("asset",),
    "orchestrator.sdk.exceptions": (
        *("AirflowException", "AirflowFailException", "AirflowSkipException", "AirflowTaskTimeout", "TaskDeferred"),
        "TaskAwaitingInput",
    ),
    "orchestrator.core.timetables": (
        *("CronDataIntervalTimetable", "CronTriggerTimetable", "DeltaDataIntervalTimetable", "DeltaTriggerTimetable"),
        *("EventsTimetable", "MultipleCronTriggerTimetable", "CronPartitionTimetable", "PartitionedAssetTimetable"),
        "PartitionedAtRuntime",
    ),
    "orchestrator.core.partitions": (
        *("AllowedKeyMapper", "ChainMapper", "DayWindow", "FanOutMapper", "FixedKeyMapper", "HourWindow"),
        *("IdentityMapper", "MinimumCount", "MonthWindow", "PartitionMapper", "ProductMapper", "QuarterWindow"),
        *(
            "RollupMapper",
            "SegmentWindow",
            "StartOfDayMapper",
            "StartOfHourMapper",
            "StartOfMonthMapper",
            "StartOfQuarterMapper",
        ),
        *("StartOfWeekMapper", "StartOfYearMapper", "WaitForAll", "WeekWindow", "Window", "YearWindow"),
    ),
    "orchestrator.operators.empty": ("EmptyOperator",),
    "orchestrator.operators.bash": ("BashOperator", "BashSensor"),
    "orchestrator.operators.python": (
        *("BranchPythonOperator", "PythonOperator", "PythonSensor", "ShortCircuitOperator"),
    ),
    "orchestrator.operators.virtualenv": ("BranchPythonVirtualenvOperator", "PythonVirtualenvOperator"),
    "orchestrator.operators.external_python": ("BranchExternalPythonOperator", "ExternalPythonOperator"),
    "orchestrator.operators.branch": ("BaseBranchOperator", "BranchMixIn", "LatestOnlyOperator", "SkipMixin"),
    "orchestrator.operators.hitl": ("ApprovalOperator", "HITLBranchOperator", "HITLEntryOperator", "HITLOperator"),
    "orchestrator.operators.notifiers": ("SlackWebhookNotifier", "SmtpNotifier", "WebhookNotifier"),
    "orchestrator.operators.calendar": ("BranchDateTimeOperator", "BranchDayOfWeekOperator", "DayOfWeekSensor"),
    "orchestrator.operators.trigger_dagrun": ("TriggerDagRunOperator",),
    "orchestrator.operators.external_task": ("ExternalTaskMarker", "ExternalTaskSensor"),
    "orchestrator.operators.filesystem": ("FileSensor",),
    "orchestrator.operators.times": (
        *("DateTimeSensor", "DateTimeSensorAsync", "TimeDeltaSensor", "TimeDeltaSensorAsync", "TimeSensor"),
        *("TimeSensorAsync", "WaitSensor"),
    ),
    "orchestrator.operators.email": ("EmailOperator", "send_email"),
}
_HOME = {name: module for module, names in NAMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'orchestrator.sdk' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
