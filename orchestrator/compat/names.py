"""One table: Airflow's module -> {name: where ours is, as ``module:name``}.

One class answers under every path it ever had. ``REFUSED`` holds names that exist in Airflow and cannot
work here, with the reason and the way out.
"""

from __future__ import annotations

from .other_names import OTHER, OTHER_REFUSED
from .provider_names import FAMILIES, PROVIDER_MODULES

_SDK = "orchestrator.sdk."
_OP = "orchestrator.operators."
_COMPAT = "orchestrator.compat."


def _from(module: str, *names: str, **renamed: str) -> dict[str, str]:
    """Names of one of our modules; ``theirs=ours`` where they differ."""
    found = {name: f"{module}:{name}" for name in names}
    found.update({theirs: f"{module}:{ours}" for theirs, ours in renamed.items()})
    return found


_DAG = _from(_SDK + "definition", "DAG", "dag")
_OPERATOR = _from(_SDK + "operator", "BaseOperator")
_LINK = _from(_SDK + "links", "BaseOperatorLink")
_SENSOR = _from(_SDK + "sensor", "BaseSensorOperator", "PokeReturnValue", "poke_mode_only")
_NOTIFIER = _from(_SDK + "notifier", "BaseNotifier")
_DEADLINES = _from(
    _SDK + "deadlines",
    "BaseDeadlineReference",
    "DeadlineAlert",
    "DeadlineReference",
    "VariableInterval",
    "deadline_reference",
)
_DEADLINE_CALLBACKS = _from(_SDK + "deadlines", "AsyncCallback", "SyncCallback")
_DECORATORS = _from(_SDK + "decorators", "task", "task_group", "setup", "teardown") | _from(_SDK + "definition", "dag")
_FACTORY = _from(_SDK + "decorators", "task_decorator_factory", TaskDecorator="TaskFunction")
_GROUP = _from(_SDK + "taskgroup", "TaskGroup")
_EDGES = _from(_SDK + "edges", "EdgeModifier", "Label", "chain", "chain_linear", "cross_downstream")
_MIXIN = _from(_SDK + "edges", "DependencyMixin")
_PARAM = _from(_SDK + "params", "Param", "DagParam") | {"ParamsDict": "builtins:dict"}
_HOOK = _from(_SDK + "connections", "BaseHook")
_CONNECTION = _from(_SDK + "connections", "Connection")
_VARIABLE = _from(_SDK + "connections", "Variable")
_CONTEXT = _from(_SDK + "context", "Context", "get_current_context")
_XCOM = _from(_SDK + "xcom", "XCom", "BaseXCom", "XCOM_RETURN_KEY")
_STORAGE = _from(_SDK + "object_storage", "ObjectStoragePath")
_XCOM_ARG = _from(_SDK + "xcom_arg", "XComArg", "PlainXComArg")
_MAPPED = _from(_SDK + "mapped", "MappedOperator", "OperatorPartial")
_RETRY_POLICY = _from(
    _SDK + "retry_policy", "ExceptionRetryPolicy", "RetryAction", "RetryDecision", "RetryPolicy", "RetryRule"
)
_NEVER_EXPIRE = _from(_SDK + "state_store", "NEVER_EXPIRE")
_SECRETS = _from(_SDK + "secrets_backend", "BaseSecretsBackend")
_SECRETS_FILES = _from(
    _SDK + "secrets_backend",
    "LocalFilesystemBackend",
    load_variables="read_file",
    load_connections_dict="read_file",
)
_PLUGIN = _from(_SDK + "plugins", "AirflowPlugin", "AirflowPluginException")
_WEIGHT_STRATEGY = _from(_SDK + "weight_rules", "PriorityWeightStrategy")
_LISTENERS = _from(_SDK + "listeners", "hookimpl")
_LITERAL = _from(_SDK + "templating", "literal")
_ENUMS = _SDK + "enums"
_STATES = _from(_ENUMS, "State", "DagRunState", "TaskInstanceState")
_TRIGGER_RULE = _from(_ENUMS, "TriggerRule")
_WEIGHT_RULE = _from(_ENUMS, "WeightRule")
_WEEK_DAY = _from(_ENUMS, "WeekDay")
_NOTSET = _from(_SDK + "params", "NOTSET") | {"ArgNotSet": "builtins:object"}
_TYPES = _NOTSET | _from(_ENUMS, "DagRunType")
_ASSETS = _from(
    _SDK + "assets",
    *("Asset", "AssetAlias", "AssetAll", "AssetAny", "AssetWatcher", "AssetOrTimeSchedule", "Metadata"),
    *("AssetAccessControl", "Dataset", "DatasetAlias", "DatasetOrTimeSchedule"),
    DatasetAll="AssetAll",
    DatasetAny="AssetAny",
)
_ASSET_KINDS = _from(_SDK + "assets", "AssetNameRef", "AssetRef", "AssetUriRef", "BaseAsset", "Model")
_ASSET_DECORATOR = _from(_SDK + "asset_decorator", "asset", "AssetDefinition", "MultiAssetDefinition")
_TIMETABLES = _from(
    "orchestrator.core.timetables",
    *("CronTriggerTimetable", "CronDataIntervalTimetable", "MultipleCronTriggerTimetable"),
    *("DeltaTriggerTimetable", "DeltaDataIntervalTimetable", "EventsTimetable"),
)
_PARTITION_TIMETABLES = _from(
    "orchestrator.core.timetables", "CronPartitionTimetable", "PartitionedAssetTimetable", "PartitionedAtRuntime"
)
_PARTITION_MODULES = [
    "allowed_key",
    "base",
    "chain",
    "fixed_key",
    "identity",
    "product",
    "temporal",
    "wait_policy",
    "window",
]
_PARTITIONS = _from(
    "orchestrator.core.partitions",
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
)
_SIMPLE_TIMETABLES = _from("orchestrator.core.timetables", "NullTimetable", "OnceTimetable", "ContinuousTimetable")
_EXCEPTIONS = (
    _from(
        _SDK + "exceptions",
        *("AirflowException", "AirflowFailException", "AirflowSkipException", "AirflowTaskTimeout"),
        "AirflowOptionalProviderFeatureException",
        *("AirflowSensorTimeout", "AirflowNotFoundException", "AirflowRescheduleException", "TaskDeferred"),
        *("AirflowRuntimeError", "DuplicateTaskIdFound", "ParamValidationError", "TaskDeferralError", "XComNotFound"),
        *("DagRunAlreadyExists", "TaskDeferralTimeout", "AirflowDagCycleException"),
        *("AirflowInactiveAssetInInletOrOutletException", "TaskAwaitingInput"),
        AirflowBadRequest="AirflowException",
        AirflowInvalidTaskError="DagError",
        TaskNotFound="DagError",
    )
    | _from(_COMPAT + "configuration", "AirflowConfigException")
    | _from("orchestrator.core.errors", "AirflowTimetableInvalid")
    | {
        "AirflowProviderDeprecationWarning": "builtins:DeprecationWarning",
        "RemovedInAirflow3Warning": "builtins:DeprecationWarning",
    }
)
_CONF = _from(_COMPAT + "configuration", "conf", "AirflowConfigException", "get", "getint", "getfloat", "getboolean")
_MACROS = _from(
    "orchestrator.runtime.macros", "ds_add", "ds_format", "ds_format_locale", "datetime_diff_for_humans", "random"
) | {
    "datetime": "datetime:datetime",
    "timedelta": "datetime:timedelta",
}
_TIMEZONE = _from(
    _COMPAT + "dates",
    *("utcnow", "datetime", "parse", "make_aware", "make_naive", "is_localized", "utc", "convert_to_utc"),
    *("coerce_datetime", "parse_timezone"),
)
_MAIL = _from(_OP + "email", "send_email", send_email_smtp="send_email")

# operators and sensors
_PYTHON = (
    _from(_OP + "python", "PythonOperator", "BranchPythonOperator", "ShortCircuitOperator")
    | _from(_OP + "virtualenv", "PythonVirtualenvOperator", "BranchPythonVirtualenvOperator")
    | _from(_OP + "external_python", "ExternalPythonOperator", "BranchExternalPythonOperator")
    | _from(_SDK + "context", "get_current_context")
    | _from(_SDK + "decorators", "task")
)
_BASH = _from(_OP + "bash", "BashOperator")
_EMPTY = _from(_OP + "empty", "EmptyOperator", DummyOperator="EmptyOperator")
_SKIPS = _from(_OP + "branch", "SkipMixin", "BranchMixIn")
_LATEST = _from(_OP + "branch", "LatestOnlyOperator")
_BRANCH = _from(_OP + "branch", "BaseBranchOperator")
_TRIGGER_RUN = _from(_OP + "trigger_dagrun", "TriggerDagRunOperator", "DagIsPaused")
_EMAIL = _from(_OP + "email", "EmailOperator")
_DATETIME_BRANCH = _from(_OP + "calendar", "BranchDateTimeOperator")
_WEEKDAY_BRANCH = _from(_OP + "calendar", "BranchDayOfWeekOperator")
_PYTHON_SENSOR = _from(_OP + "python", "PythonSensor")
_BASH_SENSOR = _from(_OP + "bash", "BashSensor")
_FILE_SENSOR = _from(_OP + "filesystem", "FileSensor")
_DATETIME_SENSOR = _from(_OP + "times", "DateTimeSensor", "DateTimeSensorAsync")
_TIME_SENSOR = _from(_OP + "times", "TimeSensor", "TimeSensorAsync")
_DELTA_SENSOR = _from(_OP + "times", "TimeDeltaSensor", "TimeDeltaSensorAsync", "WaitSensor")
_WEEKDAY_SENSOR = _from(_OP + "calendar", "DayOfWeekSensor")
_EXTERNAL = _from(_OP + "external_task", "ExternalTaskSensor", "ExternalTaskMarker")
_EXTERNAL_ERRORS = _from(
    _OP + "external_task",
    *("ExternalDagFailedError", "ExternalDagNotFoundError", "ExternalTaskFailedError", "ExternalTaskGroupFailedError"),
    *("AirflowExternalTaskSensorException", "DuplicateStateError"),
    *("ExternalDagDeletedError", "ExternalTaskNotFoundError", "ExternalTaskGroupNotFoundError"),
)
_HITL = _from(_OP + "hitl", "ApprovalOperator", "HITLBranchOperator", "HITLEntryOperator", "HITLOperator")
_HITL_ERRORS = _from(_SDK + "exceptions", "HITLRejectException", "HITLTimeoutError", "HITLTriggerEventError")

# triggers
_TRIGGER = _from(
    "orchestrator.triggers.base",
    *("BaseTrigger", "BaseEventTrigger", "TriggerEvent", "BaseTaskEndEvent", "StartTriggerArgs"),
    *("TaskSuccessEvent", "TaskFailedEvent", "TaskSkippedEvent"),
)
_TEMPORAL = _from("orchestrator.triggers.temporal", "DateTimeTrigger", "TimeDeltaTrigger")
_FILE_TRIGGER = _from("orchestrator.triggers.file", "DirectoryFileDeleteTrigger", "FileDeleteTrigger", "FileTrigger")
_EXTERNAL_TRIGGER = _from("orchestrator.triggers.external_task", "WorkflowTrigger", "DagStateTrigger")

_SDK_NAMES = {
    **_DAG,
    **_DECORATORS,
    **_OPERATOR,
    **_LINK,
    **_SENSOR,
    **_NOTIFIER,
    **_DEADLINES,
    **_DEADLINE_CALLBACKS,
    **_GROUP,
    **_EDGES,
    **_PARAM,
    **_HOOK,
    **_CONNECTION,
    **_VARIABLE,
    **_CONTEXT,
    **_LITERAL,
    **_RETRY_POLICY,
    **_NEVER_EXPIRE,
    "XComArg": _XCOM_ARG["XComArg"],
    **_from(_ENUMS, "TriggerRule", "WeightRule", "DagRunState", "TaskInstanceState"),
    **{name: _ASSETS[name] for name in _ASSETS if not name.startswith("Dataset")},
    "asset": _ASSET_DECORATOR["asset"],
    **_TIMETABLES,
    "conf": _CONF["conf"],
    **_PARTITION_TIMETABLES,
    **_PARTITIONS,
    **_from(_COMPAT + "shims", "get_parsing_context", "mask_secret"),
    **_XCOM,
    **_STORAGE,
}
_MODELS = {
    "DAG": _DAG["DAG"],
    "BaseOperator": _OPERATOR["BaseOperator"],
    "XComArg": _XCOM_ARG["XComArg"],
    **_VARIABLE,
    **_CONNECTION,
    **_PARAM,
    **_HOOK,
    **_LINK,
    **_MAPPED,
    **_from(_COMPAT + "models", "DagRun", "TaskInstance", "DagModel", "DagBag"),
    "XCom": _XCOM["XCom"],
}

MODULES: dict[str, dict[str, str]] = {
    "airflow": {
        "DAG": _DAG["DAG"],
        **_from(_COMPAT + "dates", __version__="AIRFLOW_VERSION"),
        "AirflowException": _EXCEPTIONS["AirflowException"],
        "Dataset": _ASSETS["Dataset"],
        "XComArg": _XCOM_ARG["XComArg"],
    },
    "airflow.version": _from(_COMPAT + "dates", version="AIRFLOW_VERSION"),
    # ---- the authoring interface of Airflow 3
    "airflow.sdk": _SDK_NAMES,
    "airflow.sdk.exceptions": _EXCEPTIONS,
    "airflow.sdk.timezone": _TIMEZONE,
    "airflow.sdk.macros": _MACROS,
    "airflow.sdk.configuration": _CONF,
    "airflow.sdk.types": _from(_COMPAT + "models", DagRunProtocol="DagRun", RuntimeTaskInstanceProtocol="TaskInstance"),
    "airflow.sdk.bases": {},
    "airflow.sdk.bases.operator": {**_OPERATOR, **_EDGES},
    "airflow.sdk.bases.sensor": _SENSOR,
    "airflow.sdk.bases.hook": _HOOK,
    "airflow.sdk.bases.notifier": _NOTIFIER,
    "airflow.sdk.bases.operatorlink": _LINK,
    "airflow.sdk.bases.decorator": _FACTORY,
    "airflow.sdk.execution_time": {},
    "airflow.sdk.execution_time.context": _NEVER_EXPIRE,
    "airflow.sdk.definitions": {},
    "airflow.sdk.definitions._internal": {},
    "airflow.sdk.definitions._internal.types": _TYPES,
    "airflow.sdk.definitions.asset": _ASSETS | _ASSET_KINDS,
    "airflow.sdk.definitions.asset.access_control": {"AssetAccessControl": _ASSETS["AssetAccessControl"]},
    "airflow.sdk.definitions.asset.decorators": _ASSET_DECORATOR,
    "airflow.sdk.definitions.timetables": {},
    "airflow.sdk.definitions.timetables.assets": _from(
        _SDK + "assets", "AssetOrTimeSchedule", "AssetTriggeredTimetable"
    )
    | _PARTITION_TIMETABLES,
    "airflow.sdk.definitions.timetables.trigger": _TIMETABLES | _PARTITION_TIMETABLES,
    **{
        f"{package}.partition_mappers{module}": _PARTITIONS
        for package in ("airflow.sdk.definitions", "airflow")
        for module in ("", *(f".{name}" for name in _PARTITION_MODULES))
    },
    "airflow.sdk.definitions.asset.metadata": {"Metadata": _ASSETS["Metadata"]},
    "airflow.sdk.definitions.baseoperator": _OPERATOR,
    "airflow.sdk.definitions.connection": _CONNECTION,
    "airflow.sdk.definitions.context": _CONTEXT,
    "airflow.sdk.definitions.dag": _DAG,
    "airflow.sdk.definitions.callback": _DEADLINE_CALLBACKS,
    "airflow.sdk.definitions.deadline": {**_DEADLINES, **_DEADLINE_CALLBACKS},
    "airflow.sdk.definitions.edges": _EDGES,
    "airflow.sdk.definitions.mappedoperator": _MAPPED,
    "airflow.sdk.definitions.param": _PARAM,
    "airflow.sdk.definitions.retry_policy": _RETRY_POLICY,
    "airflow.sdk.definitions.taskgroup": _GROUP,
    "airflow.sdk.definitions.template": _LITERAL,
    "airflow.sdk.definitions.variable": _VARIABLE,
    "airflow.sdk.definitions.xcom_arg": _XCOM_ARG,
    "airflow.sdk.definitions.decorators": _DECORATORS,
    "airflow.sdk.log": _from(_COMPAT + "shims", "mask_secret"),
    # ---- the same under the names of Airflow 1 and 2
    "airflow.exceptions": _EXCEPTIONS,
    "airflow.configuration": {**_CONF, **_from(_COMPAT + "configuration", "AIRFLOW_HOME")},
    "airflow.settings": {**_from(_COMPAT + "shims", "TIMEZONE"), **_from(_COMPAT + "configuration", "AIRFLOW_HOME")},
    "airflow.macros": _MACROS,
    "airflow.secrets": _SECRETS,
    "airflow.secrets.base_secrets": _SECRETS,
    "airflow.secrets.local_filesystem": _SECRETS_FILES,
    "airflow.stats": _from(_COMPAT + "shims", "Stats"),
    "airflow.listeners": _LISTENERS,
    "airflow.plugins_manager": _PLUGIN,
    "airflow.sdk.plugins_manager": _PLUGIN,
    "airflow.task": {},
    "airflow.task.priority_strategy": _WEIGHT_STRATEGY,
    "airflow.decorators": _DECORATORS,
    "airflow.decorators.base": _FACTORY,
    "airflow.decorators.python": _from(_SDK + "decorators", python_task="task"),
    "airflow.decorators.task_group": {"task_group": _DECORATORS["task_group"]},
    "airflow.datasets": {name: _ASSETS[name] for name in _ASSETS if name.startswith("Dataset")},
    "airflow.datasets.metadata": {"Metadata": _ASSETS["Metadata"]},
    "airflow.assets": {name: _ASSETS[name] for name in _ASSETS if name.startswith("Asset")},
    "airflow.assets.metadata": {"Metadata": _ASSETS["Metadata"]},
    "airflow.timetables": {},
    "airflow.timetables.base": _from(_SDK + "timetables", "DagRunInfo", "DataInterval", "Timetable", "TimeRestriction"),
    "airflow.timetables.interval": _TIMETABLES,
    "airflow.timetables.trigger": _TIMETABLES | _PARTITION_TIMETABLES,
    "airflow.timetables.events": {"EventsTimetable": _TIMETABLES["EventsTimetable"]},
    "airflow.timetables.simple": _SIMPLE_TIMETABLES
    | _PARTITION_TIMETABLES
    | _from(_SDK + "assets", "AssetTriggeredTimetable"),
    "airflow.timetables.datasets": {"DatasetOrTimeSchedule": _ASSETS["DatasetOrTimeSchedule"]},
    "airflow.timetables.assets": {"AssetOrTimeSchedule": _ASSETS["AssetOrTimeSchedule"]},
    "airflow.notifications": {},
    "airflow.notifications.basenotifier": _NOTIFIER,
    "airflow.models": _MODELS,
    "airflow.models.abstractoperator": {"AbstractOperator": _OPERATOR["BaseOperator"]},
    "airflow.models.base": {},
    "airflow.models.baseoperator": {**_OPERATOR, **_EDGES},
    "airflow.models.baseoperatorlink": _LINK,
    "airflow.models.connection": _CONNECTION,
    "airflow.models.dag": {**_DAG, "DagModel": _MODELS["DagModel"]},
    "airflow.models.dagbag": {"DagBag": _MODELS["DagBag"]},
    "airflow.models.dagrun": {"DagRun": _MODELS["DagRun"]},
    "airflow.models.deadline": _from(_SDK + "deadlines", "ReferenceModels"),
    "airflow.models.mappedoperator": _MAPPED,
    "airflow.models.param": _PARAM,
    "airflow.models.skipmixin": _from(_OP + "branch", "SkipMixin"),
    "airflow.models.taskinstance": {"TaskInstance": _MODELS["TaskInstance"]},
    "airflow.models.taskmixin": {**_MIXIN, "DAGNode": _MIXIN["DependencyMixin"]},
    "airflow.models.variable": _VARIABLE,
    "airflow.models.xcom": _XCOM,
    "airflow.sdk.bases.xcom": _XCOM,
    "airflow.sdk.io": {**_STORAGE, "attach": "orchestrator.sdk.object_fs:attach"},
    "airflow.sdk.io.path": _STORAGE,
    "airflow.sdk.io.stat": {"stat_result": "orchestrator.sdk.object_stat:stat_result"},
    "airflow.io": {},
    "airflow.io.path": _STORAGE,
    "airflow.io.store": {"attach": "orchestrator.sdk.object_fs:attach"},
    "airflow.sdk.execution_time.hitl": {"HITLUser": "builtins:dict", **_from(_OP + "hitl", "upsert_hitl_detail")},
    "airflow.sdk.execution_time.xcom": _XCOM,
    "airflow.sdk.execution_time.lazy_sequence": _from(_SDK + "xcom_arg", "LazyXComSequence"),
    "airflow.models.xcom_arg": _XCOM_ARG,
    "airflow.hooks": {},
    "airflow.hooks.base": _HOOK,
    "airflow.hooks.filesystem": _from(_OP + "hooks", "FSHook"),
    "airflow.hooks.subprocess": _from(_OP + "hooks", "SubprocessHook", "SubprocessResult"),
    "airflow.hooks.base_hook": _HOOK,
    "airflow.triggers": {},
    "airflow.triggers.base": _TRIGGER,
    "airflow.triggers.temporal": _TEMPORAL,
    "airflow.triggers.file": _FILE_TRIGGER,
    "airflow.triggers.external_task": _EXTERNAL_TRIGGER,
    "airflow.compat": {},
    "airflow.compat.functools": _from(_COMPAT + "shims", "cached_property", "cache"),
    "airflow.utils": {},
    "airflow.utils.context": _CONTEXT,
    "airflow.utils.dag_parsing_context": _from(_COMPAT + "shims", "get_parsing_context"),
    "airflow.utils.dates": {
        **_from(_COMPAT + "dates", "days_ago", "timedelta"),
        "datetime": "datetime:datetime",
    },
    "airflow.utils.decorators": _from(_COMPAT + "shims", "apply_defaults"),
    "airflow.utils.edgemodifier": _EDGES,
    "airflow.utils.email": _MAIL,
    "airflow.utils.helpers": _EDGES,
    "airflow.utils.log": {},
    "airflow.utils.log.logging_mixin": _from(_COMPAT + "shims", "LoggingMixin"),
    "airflow.utils.log.secrets_masker": _from(_COMPAT + "shims", "mask_secret"),
    "airflow.utils.module_loading": _from(_COMPAT + "shims", "import_string"),
    "airflow.utils.state": _STATES,
    "airflow.utils.strings": _from(_COMPAT + "shims", "to_boolean"),
    "airflow.utils.task_group": _GROUP,
    "airflow.utils.timezone": _TIMEZONE,
    "airflow.utils.trigger_rule": _TRIGGER_RULE,
    "airflow.utils.types": _TYPES,
    "airflow.utils.weekday": _WEEK_DAY,
    "airflow.utils.weight_rule": _WEIGHT_RULE,
    "airflow.utils.xcom": _from(_SDK + "xcom", "XCOM_RETURN_KEY"),
    # ---- operators
    "airflow.operators": {**_PYTHON, **_BASH, **_EMPTY, **_TRIGGER_RUN, **_EMAIL, **_LATEST},
    "airflow.operators.bash": _BASH,
    "airflow.operators.bash_operator": _BASH,
    "airflow.operators.branch": {**_BRANCH, **_SKIPS},
    "airflow.operators.branch_operator": _BRANCH,
    "airflow.operators.dagrun_operator": _TRIGGER_RUN,
    "airflow.operators.datetime": _DATETIME_BRANCH,
    "airflow.operators.dummy": _EMPTY,
    "airflow.operators.dummy_operator": _EMPTY,
    "airflow.operators.email": _EMAIL,
    "airflow.operators.email_operator": _EMAIL,
    "airflow.operators.empty": _EMPTY,
    "airflow.operators.latest_only": _LATEST,
    "airflow.operators.latest_only_operator": _LATEST,
    "airflow.operators.python": _PYTHON,
    "airflow.operators.python_operator": _PYTHON,
    "airflow.operators.sensors": {**_SENSOR, **_EXTERNAL, **_DELTA_SENSOR, **_TIME_SENSOR},
    "airflow.operators.trigger_dagrun": _TRIGGER_RUN,
    "airflow.operators.weekday": _WEEKDAY_BRANCH,
    # ---- sensors
    "airflow.sensors": _SENSOR,
    "airflow.sensors.base": _SENSOR,
    "airflow.sensors.base_sensor_operator": _SENSOR,
    "airflow.sensors.bash": _BASH_SENSOR,
    "airflow.sensors.date_time": _DATETIME_SENSOR,
    "airflow.sensors.date_time_sensor": _DATETIME_SENSOR,
    "airflow.sensors.external_task": {**_EXTERNAL, **_EXTERNAL_ERRORS},
    "airflow.sensors.external_task_sensor": _EXTERNAL,
    "airflow.sensors.filesystem": _FILE_SENSOR,
    "airflow.sensors.python": _PYTHON_SENSOR,
    "airflow.sensors.time_delta": _DELTA_SENSOR,
    "airflow.sensors.time_delta_sensor": _DELTA_SENSOR,
    "airflow.sensors.time_sensor": _TIME_SENSOR,
    "airflow.sensors.weekday": _WEEKDAY_SENSOR,
    "airflow.contrib": {},
    "airflow.contrib.sensors": {},
    "airflow.contrib.sensors.file_sensor": _FILE_SENSOR,
    "airflow.contrib.sensors.python_sensor": _PYTHON_SENSOR,
    # ---- the standard provider, and a backend that knows our store
    "airflow.providers": {},
    "airflow.providers.standard": {},
    "airflow.providers.standard.decorators": {},
    "airflow.providers.standard.exceptions": {**_EXTERNAL_ERRORS, **_HITL_ERRORS},
    "airflow.providers.standard.hooks": {},
    "airflow.providers.standard.hooks.filesystem": _from(_OP + "hooks", "FSHook"),
    "airflow.providers.standard.hooks.package_index": _from(_OP + "hooks", "PackageIndexHook"),
    "airflow.providers.standard.hooks.subprocess": _from(_OP + "hooks", "SubprocessHook", "SubprocessResult"),
    "airflow.providers.standard.operators": {},
    "airflow.providers.standard.operators.bash": _BASH,
    "airflow.providers.standard.operators.branch": {**_BRANCH, **_SKIPS},
    "airflow.providers.standard.operators.datetime": _DATETIME_BRANCH,
    "airflow.providers.standard.operators.empty": _EMPTY,
    "airflow.providers.standard.operators.hitl": _HITL,
    "airflow.providers.standard.operators.latest_only": _LATEST,
    "airflow.providers.standard.operators.python": _PYTHON,
    "airflow.providers.standard.operators.smooth": _from(_OP + "empty", "SmoothOperator"),
    "airflow.providers.standard.operators.trigger_dagrun": _TRIGGER_RUN,
    "airflow.providers.standard.operators.weekday": _WEEKDAY_BRANCH,
    "airflow.providers.standard.sensors": {},
    "airflow.providers.standard.sensors.bash": _BASH_SENSOR,
    "airflow.providers.standard.sensors.date_time": _DATETIME_SENSOR,
    "airflow.providers.standard.sensors.external_task": {**_EXTERNAL, **_EXTERNAL_ERRORS},
    "airflow.providers.standard.sensors.filesystem": _FILE_SENSOR,
    "airflow.providers.standard.sensors.python": _PYTHON_SENSOR,
    "airflow.providers.standard.sensors.time": _TIME_SENSOR,
    "airflow.providers.standard.sensors.time_delta": _DELTA_SENSOR,
    "airflow.providers.standard.sensors.weekday": _WEEKDAY_SENSOR,
    "airflow.providers.standard.triggers": {},
    "airflow.providers.standard.triggers.external_task": _EXTERNAL_TRIGGER,
    "airflow.providers.standard.triggers.file": _FILE_TRIGGER,
    "airflow.providers.standard.triggers.temporal": _TEMPORAL,
    "airflow.providers.standard.utils": {},
    "airflow.providers.standard.utils.skipmixin": _from(_OP + "branch", "SkipMixin"),
    "airflow.providers.standard.utils.weekday": _WEEK_DAY,
    "airflow.providers.common.io.xcom.backend": _from(_SDK + "xcom_store", "XComObjectStorageBackend"),
}

# What providers import instead of Airflow itself. The package of that name is asked first where it is installed.
FALLBACK: dict[str, dict[str, str]] = {
    "airflow.providers.slack": {},
    "airflow.providers.slack.notifications": {},
    "airflow.providers.slack.notifications.slack_webhook": _from(
        _OP + "notifiers", "SlackWebhookNotifier", "send_slack_webhook_notification"
    ),
    "airflow.providers.common": {},
    "airflow.providers.common.compat": {},
    "airflow.providers.common.io": {},
    "airflow.providers.common.io.xcom": {},
    "airflow.providers.smtp": {},
    "airflow.providers.smtp.notifications": {},
    "airflow.providers.smtp.notifications.smtp": _from(_OP + "notifiers", "SmtpNotifier", "send_smtp_notification"),
    "airflow.providers.smtp.operators": {},
    "airflow.providers.smtp.operators.smtp": _EMAIL,
    "airflow.providers.common.compat.sdk": {
        **_SDK_NAMES,
        **_EXCEPTIONS,
        **_FACTORY,
        **_TRIGGER,
        **_NOTSET,
        **_from(_COMPAT + "shims", "Stats", "LoggingMixin"),
        **_from(_SDK + "xcom", "XCOM_RETURN_KEY"),
        "timezone": "orchestrator.compat.dates:",
    },
    "airflow.providers.common.compat.assets": _ASSETS,
}
FALLBACK |= {each: {} for each in sorted(FAMILIES) if each not in FALLBACK}
MODULES |= FALLBACK
for _module, _names in PROVIDER_MODULES.items():
    MODULES[_module] = {**_names, **MODULES.get(_module, {})}

_NO_SESSION = "a task has no way to the database: use the context, XComs, Variable, Connection or the REST API"
_SESSIONS = _from(_COMPAT + "sessions", "NEW_SESSION", "create_session", "provide_session")
MODULES["airflow.utils.session"] = _SESSIONS | _from(_COMPAT + "sessions", "create_session_async", "find_session_idx")
MODULES["airflow.utils.db"] = _SESSIONS | _from(_COMPAT + "sessions", "merge_conn")
REFUSED: dict[str, str] = {
    "airflow.triggers.shared_stream": "each trigger here reads its own stream: use the package's other triggers",
    "airflow.settings.engine": _NO_SESSION,
    "airflow.api": "to start runs use TriggerDagRunOperator or POST /api/v2/dags/{dag_id}/dagRuns, else the REST API",
    "airflow.providers.standard.triggers.hitl": "a task that asks people needs no trigger: raise TaskAwaitingInput",
}

for _module, _names in OTHER.items():
    MODULES[_module] = MODULES.get(_module, {}) | _names
REFUSED |= OTHER_REFUSED
