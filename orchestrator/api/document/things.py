"""Answers about DAGs, assets, and the installation, in the notation of :mod:`.notation`."""

from __future__ import annotations

SCHEMAS = """
AppBuilderMenuItemResponse: *name str; *href str; category str|null
AppBuilderViewResponse: name str|null; category str|null; view str|null; label str|null
AssetAliasCollectionResponse: *asset_aliases [AssetAliasResponse]; *total_entries int
AssetAliasResponse: *id int; *name str; *group str
AssetCollectionResponse: *assets [AssetResponse]; *total_entries int
AssetEventCollectionResponse: *asset_events [AssetEventResponse]; *total_entries int
AssetEventResponse: *id int; *asset_id int; uri str|null; name str|null; group str|null; extra object|null;
    source_task_id str|null; source_dag_id str|null; source_run_id str|null; *source_map_index int; *created_dagruns
    [DagRunAssetReference]; *timestamp time; partition_key str|null
AssetResponse: *id int; *name str; *uri str; *group str; extra object|null; *created_at time; *updated_at time;
    *scheduled_dags [DagScheduleAssetReference]; *producing_tasks [TaskOutletAssetReference]; *consuming_tasks
    [TaskInletAssetReference]; *aliases [AssetAliasResponse]; *watchers [AssetWatcherResponse]; last_asset_event
    LastAssetEventResponse|null
AssetStateStoreCollectionResponse: *asset_state_store [AssetStateStoreResponse]; *total_entries int
AssetStateStoreLastUpdatedBy: *kind AssetStateStoreWriterKind; dag_id str|null; run_id str|null; task_id str|null;
    map_index int|null
AssetStateStoreResponse: *key str; *value JsonValue; *updated_at time; last_updated_by
    AssetStateStoreLastUpdatedBy|null
AssetStateStoreWriterKind: = task, watcher, api
AssetWatcherResponse: *name str; *trigger_id int; *created_date time
BaseInfoResponse: *status str|null
BulkActionResponse: success [str]; errors [object]
BulkResponse: create BulkActionResponse|null; update BulkActionResponse|null; delete BulkActionResponse|null
Config: *sections [ConfigSection]
ConfigOption: *key str; *value str|[any]
ConfigSection: *name str; *options [ConfigOption]
ConnectionCollectionResponse: *connections [ConnectionResponse]; *total_entries int
ConnectionResponse: *connection_id str; *conn_type str; *description str|null; *host str|null; *login str|null;
    *schema str|null; *port int|null; *password str|null; *extra str|null; *team_name str|null
ConnectionTestResponse: *status bool; *message str
DAGCollectionResponse: *dags [DAGResponse]; *total_entries int
DAGDetailsResponse: *dag_id str; *dag_display_name str; *is_paused bool; *is_stale bool; *last_parsed_time
    time|null; *last_parse_duration num|null; *last_expired time|null; *bundle_name str|null; *bundle_version
    str|null; *relative_fileloc str|null; *fileloc str; *description str|null; *timetable_summary str|null;
    *timetable_description str|null; *timetable_partitioned bool; *timetable_periodic bool; *tags [DagTagResponse];
    *max_active_tasks int; *max_active_runs int|null; *max_consecutive_failed_dag_runs int;
    *has_task_concurrency_limits bool; *has_import_errors bool; *next_dagrun_logical_date time|null;
    *next_dagrun_data_interval_start time|null; *next_dagrun_data_interval_end time|null; *next_dagrun_run_after
    time|null; *allowed_run_types [DagRunType]|null; *owners [str]; *catchup bool; *dag_run_timeout duration|null;
    *asset_expression object|null; *doc_md str|null; *start_date time|null; *end_date time|null;
    *is_paused_upon_creation bool|null; *params object|null; *render_template_as_native_obj bool;
    *template_search_path [str]|null; *timezone str|null; *last_parsed time|null; *default_args object|null;
    rerun_with_latest_version bool|null; owner_links object|null; is_favorite bool; active_runs_count int;
    *is_backfillable bool; *file_token str; *concurrency int; *latest_dag_version DagVersionResponse|null
DAGResponse: *dag_id str; *dag_display_name str; *is_paused bool; *is_stale bool; *last_parsed_time time|null;
    *last_parse_duration num|null; *last_expired time|null; *bundle_name str|null; *bundle_version str|null;
    *relative_fileloc str|null; *fileloc str; *description str|null; *timetable_summary str|null;
    *timetable_description str|null; *timetable_partitioned bool; *timetable_periodic bool; *tags [DagTagResponse];
    *max_active_tasks int; *max_active_runs int|null; *max_consecutive_failed_dag_runs int;
    *has_task_concurrency_limits bool; *has_import_errors bool; *next_dagrun_logical_date time|null;
    *next_dagrun_data_interval_start time|null; *next_dagrun_data_interval_end time|null; *next_dagrun_run_after
    time|null; *allowed_run_types [DagRunType]|null; *owners [str]; *is_backfillable bool; *file_token str
DAGSourceResponse: *content str|null; *dag_id str; *version_number int|null; *dag_display_name str
DAGTagCollectionResponse: *tags [str]; *total_entries int
DAGVersionCollectionResponse: *dag_versions [DagVersionResponse]; *total_entries int
DAGWarningCollectionResponse: *dag_warnings [DAGWarningResponse]; *total_entries int
DAGWarningResponse: *dag_id str; *warning_type DagWarningType; *message str; *timestamp time; *dag_display_name str
DagProcessorInfoResponse: *status str|null; *latest_dag_processor_heartbeat str|null
DagScheduleAssetReference: *dag_id str; *created_at time; *updated_at time
DagStatsCollectionResponse: *dags [DagStatsResponse]; *total_entries int
DagStatsResponse: *dag_id str; *dag_display_name str; *stats [DagStatsStateResponse]
DagStatsStateResponse: *state DagRunState; *count int
DagTagResponse: *name str; *dag_id str; *dag_display_name str
DagVersionResponse: *id uuid; *version_number int; *dag_id str; *bundle_name str|null; *bundle_version str|null;
    *created_at time; *dag_display_name str; *bundle_url str|null
DagWarningType: = asset conflict, non-existent pool, runtime varying value
EventLogCollectionResponse: *event_logs [EventLogResponse]; *total_entries int
EventLogResponse: *event_log_id int; *when time; *dag_id str|null; *task_id str|null; *run_id str|null; *map_index
    int|null; *try_number int|null; *event str; *logical_date time|null; *owner str|null; *extra str|null;
    dag_display_name str|null; task_display_name str|null
ExternalViewResponse: *name str; icon str|null; icon_dark_mode str|null; url_route str|null; category str|null;
    nav_top_level bool|null; *href str; destination =nav,dag,dag_run,task,task_instance,base
FastAPIAppResponse: *app str; *url_prefix str; *name str
FastAPIRootMiddlewareResponse: *middleware str; *name str
HTTPExceptionResponse: *detail str|object
HTTPValidationError: detail [ValidationError]
HealthInfoResponse: *metadatabase BaseInfoResponse; *scheduler SchedulerInfoResponse; *triggerer
    TriggererInfoResponse; dag_processor DagProcessorInfoResponse|null
ImportErrorCollectionResponse: *import_errors [ImportErrorResponse]; *total_entries int
ImportErrorResponse: *import_error_id int; *timestamp time; *filename str; *bundle_name str|null; *stack_trace str
LastAssetEventResponse: id int|null; timestamp time|null
PluginCollectionResponse: *plugins [PluginResponse]; *total_entries int
PluginImportErrorCollectionResponse: *import_errors [PluginImportErrorResponse]; *total_entries int
PluginImportErrorResponse: *source str; *error str
PluginResponse: *name str; *macros [str]; *flask_blueprints [str]; *fastapi_apps [FastAPIAppResponse];
    *fastapi_root_middlewares [FastAPIRootMiddlewareResponse]; *external_views [ExternalViewResponse]; *react_apps
    [ReactAppResponse]; *appbuilder_views [AppBuilderViewResponse]; *appbuilder_menu_items
    [AppBuilderMenuItemResponse]; *global_operator_extra_links [str]; *operator_extra_links [str]; *source str;
    *listeners [str]; *timetables [str]
PoolCollectionResponse: *pools [PoolResponse]; *total_entries int
PoolResponse: *name str; *slots int; description str|null; *include_deferred bool; *occupied_slots int;
    *running_slots int; *queued_slots int; *scheduled_slots int; *open_slots int; *deferred_slots int; *team_name
    str|null; rate_per_minute int|null
ConnectionTypeCollectionResponse: *connection_types [ConnectionTypeResponse]; *total_entries int
ConnectionTypeResponse: *connection_type str; *hook_name str; *hook_class_name str|null; *package_name str; *standard_fields
    object; *extra_fields object
ProviderCollectionResponse: *providers [ProviderResponse]; *total_entries int
ProviderResponse: *package_name str; *description str; *version str; *documentation_url str|null
QueuedEventCollectionResponse: *queued_events [QueuedEventResponse]; *total_entries int
QueuedEventResponse: *dag_id str; *asset_id int; *created_at time; *dag_display_name str
ReactAppResponse: *name str; icon str|null; icon_dark_mode str|null; url_route str|null; category str|null;
    nav_top_level bool|null; *bundle_url str; destination =nav,dag,dag_run,task,task_instance,base,dashboard
SchedulerInfoResponse: *status str|null; *latest_scheduler_heartbeat str|null
TriggererInfoResponse: *status str|null; *latest_triggerer_heartbeat str|null
ValidationError: *loc [str|int]; *msg str; *type str; input any; ctx object
VariableCollectionResponse: *variables [VariableResponse]; *total_entries int
VariableResponse: *key str; value str|null; *description str|null; *is_encrypted bool; *team_name str|null
NewWebhookResponse: *id str; *name str; *url str; *kinds [str]; *dag_ids [str]; *tags [str]; *owner str; *enabled bool;
    *disabled_why str|null; *created_at time; *succeeded_at time|null; *secret str
WebhookCollectionResponse: *webhooks [WebhookResponse]; *total_entries int
WebhookDeliveryCollectionResponse: *deliveries [WebhookDeliveryResponse]; *total_entries int
WebhookDeliveryResponse: *id str; *webhook_id str; *kind str; *dag_id str|null; *dag_run_id str|null; *state
    =waiting,arrived,dead; *tries int; *created_at time; *tried_at time|null; *next_at time|null; *status int|null;
    *answer str|null; *body str
WebhookResponse: *id str; *name str; *url str; *kinds [str]; *dag_ids [str]; *tags [str]; *owner str; *enabled bool;
    *disabled_why str|null; *created_at time; *succeeded_at time|null
WebhookSecretResponse: *secret str
VersionInfo: *version str; *git_version str|null
"""
