"""The rest of the table: what DAG files, their plugins and hooks import beside operators and the authoring interface."""

from __future__ import annotations

_SDK = "orchestrator.sdk."
_OP = "orchestrator.operators."
_COMPAT = "orchestrator.compat."
_DATES = _COMPAT + "dates"


def _from(module: str, *names: str, **renamed: str) -> dict[str, str]:
    found = {name: f"{module}:{name}" for name in names}
    found.update({theirs: f"{module}:{ours}" for theirs, ours in renamed.items()})
    return found


_ERRORS = _from(
    _COMPAT + "errors",
    *("AirflowClusterPolicyError", "AirflowClusterPolicySkipDag", "AirflowClusterPolicyViolation"),
    *("AirflowDagDuplicatedIdException", "AirflowDagInconsistent", "AirflowFileParseException"),
    *("AirflowInternalRuntimeError", "AirflowSecretsBackendAccessDenied", "AirflowTaskTerminated"),
    *("AirflowWebServerTimeout", "BackfillUnfinished", "ConnectionNotUnique", "DagCodeNotFound"),
    *("DagConcurrencyLimitReached", "DagFileExists", "DagNotFound", "DagRunNotFound", "DagRunTriggerException"),
    *("DeserializingResultError", "DownstreamTasksSkipped", "FailStopDagInvalidTriggerRule"),
    *("InvalidStatsNameException", "NoAvailablePoolSlot", "NodeNotFound", "NotMapped", "PodMutationHookException"),
    *("PodReconciliationError", "PoolNotFound", "SerializationError", "TaskAlreadyInTaskGroup"),
    *("TaskAlreadyRunningError", "TaskConcurrencyLimitReached", "TaskInstanceNotFound", "UnknownExecutorException"),
    *("UnmappableOperator", "UnmappableXComLengthPushed", "UnmappableXComTypePushed", "VariableNotUnique"),
    "XComForMappingNotPushed",
    FailFastDagInvalidTriggerRule="FailStopDagInvalidTriggerRule",
) | {"RemovedInAirflow4Warning": "builtins:DeprecationWarning"}
_CONFIG = _from(
    _COMPAT + "configuration",
    *(
        "AIRFLOW_CONFIG",
        "as_dict",
        "get_airflow_home",
        "getlist",
        "getjson",
        "getsection",
        "has_option",
        "expand_env_var",
    ),
    AirflowConfigParser="Configuration",
)
_MODELS = _COMPAT + "models"
_DATABASE = _from(
    _MODELS,
    *(
        "Base",
        "DagBag",
        "DagModel",
        "DagPickle",
        "DagRun",
        "DagTag",
        "DagWarning",
        "DbCallbackRequest",
        "ID_LEN",
        "Log",
    ),
    *("Pool", "RenderedTaskInstanceFields", "SlaMiss", "TaskFail", "TaskInstance", "TaskReschedule", "Trigger"),
    *("HITLDetail", "ImportError", "KnownEvent", "User", "clear_task_instances"),
)
_SKIP = _from(_OP + "branch", "SkipMixin")
_ATTACHED = _from(
    _COMPAT + "decorators",
    *("bash_task", "branch_external_python_task", "branch_task", "branch_virtualenv_task", "external_python_task"),
    *("python_task", "run_if", "sensor_task", "setup_task", "short_circuit_task", "skip_if", "teardown_task"),
    "virtualenv_task",
)
_DECORATOR_MODULES = {
    "bash": ("bash_task",),
    "branch_external_python": ("branch_external_python_task",),
    "branch_python": ("branch_task",),
    "branch_virtualenv": ("branch_virtualenv_task",),
    "external_python": ("external_python_task",),
    "python": ("python_task",),
    "python_virtualenv": ("virtualenv_task",),
    "sensor": ("sensor_task",),
    "short_circuit": ("short_circuit_task",),
}
_TIMETABLES = "orchestrator.core.timetables"
_OWN_TIMETABLES = _from(_SDK + "timetables", "DagRunInfo", "DataInterval", "Timetable", "TimeRestriction")
_OLD_DATES = _from(
    _COMPAT + "old_dates",
    *("cron_presets", "date_range", "datetime_to_nano", "infer_time_unit", "parse_execution_date", "round_time"),
    "scale_time_units",
)
_HELPERS = _from(
    _COMPAT + "helpers",
    *("KEY_REGEX", "GROUP_KEY_REGEX", "as_flattened_list", "as_tuple", "at_most_one", "build_airflow_dagrun_url"),
    *("build_airflow_url_with_query", "chunks", "convert_camel_to_snake", "exactly_one", "is_container", "merge_dicts"),
    *("parse_template_string", "partition", "prevent_duplicates", "prune_dict", "reduce_in_chunks", "render_template"),
    *("render_template_as_native", "render_template_to_string", "validate_group_key", "validate_key"),
)
_CALLS = _from(_COMPAT + "calls", "determine_kwargs", "make_kwargs_callable")
_HOST = _COMPAT + "host"
_SUBDAG = _from(_OP + "subdag", "SubDagOperator", "SkippedStatePropagationOptions")
_TRIGGER_CONSTANTS = {"XCOM_RUN_ID": "orchestrator.operators.trigger_dagrun:XCOM_RUN_ID"}
_APPLY_DEFAULTS = _from(_COMPAT + "shims", "apply_defaults")
_PARSING = _from(_COMPAT + "shims", "get_parsing_context", AirflowParsingContext="ParsingContext")
_PYTHON_SENSOR = _from(_OP + "python", "PythonSensor")

OTHER: dict[str, dict[str, str]] = {
    "airflow": _from(_SDK + "assets", "Asset"),
    "airflow.exceptions": _ERRORS,
    "airflow.sdk.exceptions": _ERRORS,
    "airflow.configuration": _CONFIG,
    "airflow.settings": _from(_COMPAT + "configuration", "DAGS_FOLDER", "PLUGINS_FOLDER", "conf")
    | _from(_COMPAT + "task_variables", get_airflow_context_vars="context_to_airflow_vars")
    | _from(_COMPAT + "sessions", "Session"),
    "airflow.secrets.environment_variables": _from(
        _SDK + "secrets_backend", EnvironmentVariablesBackend="BaseSecretsBackend"
    ),
    "airflow.typing_compat": _from("typing", "Literal", "NamedTuple", "ParamSpec", "Protocol", "Self", "TypedDict")
    | _from("typing", "runtime_checkable", "TypeGuard"),
    # ---- models
    "airflow.models": _DATABASE | _SKIP,
    "airflow.models.base": _from(_MODELS, "Base", "ID_LEN"),
    "airflow.models.baseoperator": _from(_SDK + "links", "BaseOperatorLink"),
    "airflow.models.dag": _from(_MODELS, "DagTag", "DagOwnerAttributes")
    | _from(_SDK + "context", DagContext="CurrentDag")
    | {"ScheduleInterval": "typing:Any", "ScheduleArg": "typing:Any"},
    "airflow.models.dagcode": _from(_MODELS, "DagCode"),
    "airflow.models.dagpickle": _from(_MODELS, "DagPickle"),
    "airflow.models.dagparam": _from(_SDK + "params", "DagParam"),
    "airflow.models.dagrun": _from(_MODELS, "DagRunNote"),
    "airflow.models.dagwarning": _from(_MODELS, "DagWarning"),
    "airflow.models.dataset": _from(
        _MODELS,
        "DatasetAliasModel",
        "DatasetDagRunQueue",
        "DatasetEvent",
        "DatasetModel",
        "DagScheduleDatasetReference",
    )
    | _from(_MODELS, "TaskOutletDatasetReference"),
    "airflow.models.asset": _from(_MODELS, "AssetActive", "AssetAliasModel", "AssetEvent", "AssetModel"),
    "airflow.models.errors": _from(_MODELS, "ImportError", "ParseImportError"),
    "airflow.models.log": _from(_MODELS, "Log"),
    "airflow.models.operator": {"Operator": "typing:Any"},
    "airflow.models.pool": _from(_MODELS, "Pool", "PoolStats"),
    "airflow.models.renderedtifields": _from(_MODELS, "RenderedTaskInstanceFields"),
    "airflow.models.serialized_dag": _from(_MODELS, "SerializedDagModel"),
    "airflow.models.slamiss": _from(_MODELS, "SlaMiss"),
    "airflow.models.taskfail": _from(_MODELS, "TaskFail"),
    "airflow.models.taskinstance": _from(_MODELS, "SimpleTaskInstance", "clear_task_instances")
    | {"TaskInstanceKey": "orchestrator.runtime.task_instance:TaskInstanceKey"},
    "airflow.models.taskinstancekey": {"TaskInstanceKey": "orchestrator.runtime.task_instance:TaskInstanceKey"},
    "airflow.models.taskinstancehistory": _from(_MODELS, "TaskInstanceHistory"),
    "airflow.models.taskmap": _from(_MODELS, "TaskMap"),
    "airflow.models.taskmixin": _from(_SDK + "edges", TaskMixin="DependencyMixin"),
    "airflow.models.taskreschedule": _from(_MODELS, "TaskReschedule"),
    "airflow.models.trigger": _from(_MODELS, "Trigger"),
    # ---- the authoring interface, by its inner modules
    "airflow.sdk": _from(_OP + "branch", "BaseBranchOperator", "BranchMixIn", "SkipMixin"),
    "airflow.sdk.bases.branch": _from(_OP + "branch", "BaseBranchOperator", "BranchMixIn"),
    "airflow.sdk.bases.skipmixin": _SKIP,
    "airflow.sdk.bases.secrets_backend": _from(_SDK + "secrets_backend", "BaseSecretsBackend"),
    "airflow.sdk.bases.timetable": _from(_SDK + "timetables", BaseTimetable="Timetable"),
    "airflow.sdk.definitions.context": _PARSING | _from(_COMPAT + "calls", "KNOWN_CONTEXT_KEYS", "context_merge"),
    "airflow.sdk.definitions.decorators.condition": {name: _ATTACHED[name] for name in ("run_if", "skip_if")},
    "airflow.sdk.definitions.decorators.setup_teardown": {
        name: _ATTACHED[name] for name in ("setup_task", "teardown_task")
    },
    "airflow.sdk.definitions.decorators.task_group": _from(_SDK + "decorators", "task_group"),
    "airflow.sdk.definitions.timetables.events": _from(_TIMETABLES, "EventsTimetable"),
    "airflow.sdk.definitions.timetables.interval": _from(
        _TIMETABLES, "CronDataIntervalTimetable", "DeltaDataIntervalTimetable"
    ),
    "airflow.sdk.definitions.timetables.simple": _from(
        _TIMETABLES, "ContinuousTimetable", "NullTimetable", "OnceTimetable"
    ),
    "airflow.sdk.log": _from(_COMPAT + "shims", amask_secret="mask_secret"),
    # ---- decorators
    **{
        f"{package}.{module}": {name: _ATTACHED[name] for name in names}
        for package in ("airflow.decorators", "airflow.providers.standard.decorators")
        for module, names in _DECORATOR_MODULES.items()
    },
    "airflow.decorators": _from(_SDK + "decorators", TaskDecoratorCollection="TaskDecorators"),
    "airflow.decorators.condition": {name: _ATTACHED[name] for name in ("run_if", "skip_if")},
    "airflow.decorators.setup_teardown": {name: _ATTACHED[name] for name in ("setup_task", "teardown_task")},
    # ---- what tasks read and write
    "airflow.lineage": _from(_COMPAT + "entities", "AUTO", "PIPELINE_INLETS", "PIPELINE_OUTLETS")
    | _from(_COMPAT + "calls", apply_lineage="unchanged", prepare_lineage="unchanged"),
    "airflow.lineage.entities": _from(_COMPAT + "entities", "Column", "File", "Table", "Tag", "User"),
    "airflow.lineage.datasets": _from(_COMPAT + "entities", "File", DataBase="Table", DataSet="Table"),
    "airflow.datasets": _from(_SDK + "assets", BaseDataset="BaseAsset"),
    "airflow.timetables.simple": _from(_SDK + "assets", DatasetTriggeredTimetable="AssetTriggeredTimetable"),
    "airflow.timetables.base": _OWN_TIMETABLES,
    # ---- operators, sensors, hooks
    "airflow.hooks.package_index": _from(_OP + "hooks", "PackageIndexHook"),
    "airflow.contrib.hooks": {},
    "airflow.contrib.hooks.fs_hook": _from(_OP + "hooks", "FSHook"),
    "airflow.contrib.operators": {},
    "airflow.contrib.utils": {},
    "airflow.contrib.utils.weekday": _from(_SDK + "enums", "WeekDay"),
    "airflow.contrib.sensors.bash_sensor": _from(_OP + "bash", "BashSensor"),
    "airflow.contrib.sensors.weekday_sensor": _from(_OP + "calendar", "DayOfWeekSensor"),
    "airflow.operators": _SUBDAG
    | _from(_OP + "python", "BranchPythonOperator", "ShortCircuitOperator")
    | _from(_SDK + "operator", "BaseOperator")
    | _from(_OP + "external_task", "ExternalTaskSensor")
    | _from(_OP + "times", "TimeDeltaSensor", "TimeSensor"),
    "airflow.operators.python": _from(_HOST, "is_venv_installed"),
    "airflow.operators.smooth": _from(_OP + "empty", "SmoothOperator"),
    "airflow.operators.subdag": _SUBDAG,
    "airflow.operators.subdag_operator": _SUBDAG,
    "airflow.operators.dagrun_operator": _from(_OP + "trigger_dagrun", "DagRunOrder"),
    "airflow.operators.trigger_dagrun": _TRIGGER_CONSTANTS,
    "airflow.providers.standard.operators.trigger_dagrun": _TRIGGER_CONSTANTS,
    "airflow.sensors": _from(_OP + "external_task", "ExternalTaskSensor", "ExternalTaskMarker"),
    "airflow.sensors.python_sensor": _PYTHON_SENSOR,
    "airflow.sensors.weekday_sensor": _from(_OP + "calendar", "DayOfWeekSensor"),
    # ---- functions
    "airflow.utils": _APPLY_DEFAULTS,
    "airflow.utils.context": _from(_COMPAT + "calls", "KNOWN_CONTEXT_KEYS", "context_merge"),
    "airflow.utils.dag_parsing_context": _PARSING,
    "airflow.utils.dates": _OLD_DATES,
    "airflow.utils.decorators": _from(_COMPAT + "calls", fixup_decorator_warning_stack="unchanged"),
    "airflow.utils.email": _from(_OP + "email", send_email_smtp="send_email"),
    "airflow.utils.file": _from(
        _HOST,
        "TemporaryDirectory",
        "list_py_file_paths",
        "mkdirs",
        "open_maybe_zipped",
        find_dag_file_paths="list_py_file_paths",
    ),
    "airflow.utils.hashlib_wrapper": _from(_HOST, "md5"),
    "airflow.utils.helpers": _HELPERS,
    "airflow.utils.json": _from(_HOST, "AirflowJsonEncoder", WebEncoder="AirflowJsonEncoder"),
    "airflow.utils.module_loading": _from(_COMPAT + "shims", "iter_namespace", "qualname"),
    "airflow.utils.net": _from(_HOST, "get_host_ip_address", "get_hostname", getfqdn="get_hostname"),
    "airflow.utils.operator_helpers": _CALLS,
    "airflow.utils.operator_resources": {"Resources": "builtins:dict"},
    "airflow.utils.platform": _from(_HOST, "IS_WINDOWS", "getuser", "is_tty"),
    "airflow.utils.process_utils": _from(
        _HOST, "execute_in_subprocess", "execute_in_subprocess_with_kwargs", "patch_environ"
    ),
    "airflow.utils.singleton": _from(_HOST, "Singleton"),
    "airflow.utils.state": _from(
        _SDK + "enums", IntermediateTIState="TaskInstanceState", TerminalTIState="TaskInstanceState"
    ),
    "airflow.utils.strings": _from(_HOST, "get_random_string"),
    "airflow.utils.template": _from(_SDK + "templating", "literal"),
    "airflow.utils.timeout": _from(_HOST, "timeout", TimeoutPosix="timeout"),
    "airflow.utils.timezone": _from(_DATES, "from_timestamp", "is_naive", "local_timezone", "td_format", "utc_epoch"),
    "airflow.sdk.timezone": _from(_DATES, "from_timestamp", "is_naive", "local_timezone", "td_format", "utc_epoch"),
    "airflow.utils.types": {"EdgeInfoType": "builtins:dict"},
    "airflow.utils.dag_cycle_tester": _from(_COMPAT + "calls", "check_cycle", test_cycle="check_cycle"),
    "airflow.utils.yaml": _from("yaml", "dump", "safe_load"),
    "airflow.sdk.yaml": _from("yaml", "dump", "safe_load"),
    "airflow.task.trigger_rule": _from(_SDK + "enums", "TriggerRule"),
    "airflow.task.weight_rule": _from(_SDK + "enums", "WeightRule"),
}

_NO_EXECUTOR = (
    "there are no executors: workers take what may run from the database; to say where a task runs, give it a queue; "
    "leave the import out"
)
_NO_SERVER = "that is a part of Airflow's own server, which is not here: use the REST API or manage.py"
OTHER_REFUSED: dict[str, str] = {
    "airflow.executors": _NO_EXECUTOR,
    "airflow.contrib.executors": _NO_EXECUTOR,
    "airflow.api_connexion": _NO_SERVER,
    "airflow.jobs": _NO_SERVER,
    "airflow.www": _NO_SERVER,
    "airflow.www_rbac": _NO_SERVER,
    "airflow.bin": _NO_SERVER,
    "airflow.sensors.smart_sensor": "smart sensors left Airflow in version 2.4: use a sensor with deferrable=True",
    "airflow.cli": _NO_SERVER,
    "airflow.utils.cli": _NO_SERVER,
    "airflow.utils.dag_processing": _NO_SERVER,
    "airflow.utils.sqlalchemy": "a task has no way to the database: use the context, XComs, Variable, Connection or the REST API",
}
