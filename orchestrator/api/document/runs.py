"""Answers about runs, task instances, and what belongs to them, in the notation of :mod:`.notation`."""

from __future__ import annotations

SCHEMAS = """
BackfillCollectionResponse: *backfills [BackfillResponse]; *total_entries int
BackfillResponse: *id int; *dag_id str; *from_date time; *to_date time; *dag_run_conf object|null; *is_paused bool;
    *reprocess_behavior ReprocessBehavior; *max_active_runs int; *created_at time; *completed_at time|null;
    *updated_at time; *dag_display_name str
ClearPartitionsResponse: *dag_runs_cleared int; *task_instances_cleared int; *dry_run bool
ClearTaskInstanceCollectionResponse: *task_instances [TaskInstanceResponse|NewTaskResponse]; *total_entries int
DAGRunCollectionResponse: *dag_runs [DAGRunResponse]; total_entries int|null; total_entries_limit int|null;
    next_cursor str|null; previous_cursor str|null
DAGRunResponse: *dag_run_id str; *dag_id str; *logical_date time|null; *queued_at time|null; *start_date time|null;
    *end_date time|null; *duration num|null; *data_interval_start time|null; *data_interval_end time|null;
    *run_after time; *last_scheduling_decision time|null; *run_type DagRunType; *state DagRunState; *triggered_by
    DagRunTriggeredByType|null; *triggering_user_name str|null; *conf object|null; *note str|null; *dag_versions
    [DagVersionResponse]; *bundle_version str|null; *dag_display_name str; *partition_key str|null; *partition_date
    time|null; results object
DagRunAssetReference: *run_id str; *dag_id str; *logical_date time|null; *start_date time; *end_date time|null;
    *state str; *data_interval_start time|null; *data_interval_end time|null; *partition_key str|null; *triggering
    bool
DagRunState: = queued, running, success, failed
DagRunTriggeredByType: = cli, operator, rest_api, ui, test, timetable, asset, backfill
DagRunType: = backfill, scheduled, manual, operator_triggered, asset_triggered, asset_materialization
DryRunBackfillCollectionResponse: *backfills [DryRunBackfillResponse]; *total_entries int
DryRunBackfillResponse: *logical_date time|null; *partition_key str|null; *partition_date time|null
ExternalLogUrlResponse: *url str
ExtraLinkCollectionResponse: *extra_links object; *total_entries int
HITLDetail: *options [str]; *subject str; body str|null; defaults [str]|null; multiple bool; params object;
    assigned_users [HITLUser]; *created_at time; responded_by_user HITLUser|null; responded_at time|null;
    chosen_options [str]|null; params_input object; response_received bool; *task_instance TaskInstanceResponse
HITLDetailCollection: *hitl_details [HITLDetail]; *total_entries int
HITLDetailHistory: *options [str]; *subject str; body str|null; defaults [str]|null; multiple bool; params object;
    assigned_users [HITLUser]; *created_at time; responded_by_user HITLUser|null; responded_at time|null;
    chosen_options [str]|null; params_input object; response_received bool; *task_instance
    TaskInstanceHistoryResponse
HITLDetailResponse: *responded_by HITLUser; *responded_at time; *chosen_options [str]; params_input object
HITLUser: *id str; *name str
JobCollectionResponse: *jobs [JobResponse]; *total_entries int
JobResponse: *id int; *dag_id str|null; *state str|null; *job_type str|null; *start_date time|null; *end_date
    time|null; *latest_heartbeat time|null; *executor_class str|null; *hostname str|null; *unixname str|null;
    dag_display_name str|null
NewTaskResponse: *task_id str; *task_display_name str
ReprocessBehavior: = failed, completed, none
StructuredLogMessage: timestamp time; *event str
TaskCollectionResponse: *tasks [TaskResponse]; *total_entries int
TaskDependencyCollectionResponse: *dependencies [TaskDependencyResponse]
TaskDependencyResponse: *name str; *reason str
TaskInletAssetReference: *dag_id str; *task_id str; *created_at time; *updated_at time
TaskInstanceCollectionResponse: *task_instances [TaskInstanceResponse]; total_entries int|null; total_entries_limit
    int|null; next_cursor str|null; previous_cursor str|null
TaskInstanceHistoryCollectionResponse: *task_instances [TaskInstanceHistoryResponse]; *total_entries int
TaskInstanceHistoryResponse: *task_id str; *dag_id str; *dag_run_id str; *map_index int; *start_date time|null;
    *end_date time|null; *duration num|null; *state TaskInstanceState|null; *try_number int; *max_tries int;
    *task_display_name str; *dag_display_name str; *hostname str|null; *unixname str|null; *pool str; *pool_slots
    int; *queue str|null; *priority_weight int|null; *operator str|null; *operator_name str|null; *queued_when
    time|null; *scheduled_when time|null; *pid int|null; *executor str|null; *executor_config str; *dag_version
    DagVersionResponse|null; cpu_seconds num|null; peak_memory_bytes int|null; looks_hung_since time|null; stack
    str|null
TaskInstanceResponse: *id uuid; *task_id str; *dag_id str; *dag_run_id str; *map_index int; *logical_date time|null;
    *run_after time; *start_date time|null; *end_date time|null; *duration num|null; *state TaskInstanceState|null;
    *try_number int; *max_tries int; *task_display_name str; *dag_display_name str; *hostname str|null; *unixname
    str|null; *pool str; *pool_slots int; *queue str|null; *priority_weight int|null; *operator str|null;
    *operator_name str|null; *queued_when time|null; *scheduled_when time|null; *pid int|null; *executor str|null;
    *executor_config str; *note str|null; *rendered_map_index str|null; rendered_fields object; *trigger
    TriggerResponse|null; *triggerer_job JobResponse|null; *dag_version DagVersionResponse|null
TaskInstanceState: = removed, scheduled, queued, running, success, restarting, failed, up_for_retry,
    up_for_reschedule, upstream_failed, skipped, deferred, awaiting_input
TaskInstancesLogResponse: *content [StructuredLogMessage]|[str]; *continuation_token str|null
TaskOutletAssetReference: *dag_id str; *task_id str; *created_at time; *updated_at time
TaskResponse: *task_id str|null; *task_display_name str|null; *owner str|null; *start_date time|null; *end_date
    time|null; *trigger_rule str|null; *depends_on_past bool; *wait_for_downstream bool; *retries num|null; *queue
    str|null; *pool str|null; *pool_slots num|null; *execution_timeout TimeDelta|null; *retry_delay TimeDelta|null;
    *retry_exponential_backoff num; *priority_weight num|null; *weight_rule str|null; *ui_color str|null;
    *ui_fgcolor str|null; *template_fields [str]|null; *downstream_task_ids [str]|null; *doc_md str|null;
    *operator_name str|null; *params object|null; *class_ref object|null; *is_mapped bool|null; *extra_links [str]
TaskStateStoreCollectionResponse: *task_state_store [TaskStateStoreResponse]; *total_entries int
TaskStateStoreResponse: *key str; *value JsonValue; *updated_at time; *expires_at time|null
TimeDelta: __type str; *days int; *seconds int; *microseconds int
TriggerResponse: *id int; *classpath str; *kwargs str; *created_date time; *queue str|null; *triggerer_id int|null
XComCollectionResponse: *xcom_entries [XComResponse]; *total_entries int
XComResponse: *key str; *timestamp time; *logical_date time|null; *map_index int; *task_id str; *dag_id str; *run_id
    str; *dag_display_name str; *task_display_name str; *run_after time
XComResponseNative: *key str; *timestamp time; *logical_date time|null; *map_index int; *task_id str; *dag_id str;
    *run_id str; *dag_display_name str; *task_display_name str; *run_after time; *value any
XComResponseString: *key str; *timestamp time; *logical_date time|null; *map_index int; *task_id str; *dag_id str;
    *run_id str; *dag_display_name str; *task_display_name str; *run_after time; *value str|null
"""
