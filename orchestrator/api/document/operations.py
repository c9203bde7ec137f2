"""Every operation: its method and path, the name that clients call it by, status and schema of its answer, what it does."""

from __future__ import annotations

OPERATIONS = """
# Asset
GET /api/v2/assets get_assets 200 AssetCollectionResponse | assets; only_active=false for those no DAG names any more, too
GET /api/v2/assets/aliases get_asset_aliases 200 AssetAliasCollectionResponse | asset aliases
GET /api/v2/assets/aliases/{asset_alias_id} get_asset_alias 200 AssetAliasResponse | one of them
GET /api/v2/assets/events get_asset_events 200 AssetEventCollectionResponse | events with their source and the runs made for them
POST /api/v2/assets/events create_asset_event 200 AssetEventResponse | make an event, as if a task had
POST /api/v2/assets/{asset_id}/materialize materialize_asset 200 DAGRunResponse | run the DAG that makes the asset
GET /api/v2/assets/{asset_id}/queuedEvents get_asset_queued_events 200 QueuedEventCollectionResponse | DAGs for which it has changed since their last run
DELETE /api/v2/assets/{asset_id}/queuedEvents delete_asset_queued_events 204 - | forget that
GET /api/v2/assets/{asset_id} get_asset 200 AssetResponse | one asset: who makes it, who reads it, which DAGs are scheduled on it
GET /api/v2/dags/{dag_id}/assets/queuedEvents get_dag_asset_queued_events 200 QueuedEventCollectionResponse | assets that have changed for the DAG since its last run
DELETE /api/v2/dags/{dag_id}/assets/queuedEvents delete_dag_asset_queued_events 204 - | forget that
GET /api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents get_dag_asset_queued_event 200 QueuedEventResponse | whether one asset has
DELETE /api/v2/dags/{dag_id}/assets/{asset_id}/queuedEvents delete_dag_asset_queued_event 204 - | forget that
# Asset State Store
GET /api/v2/assets/{asset_id}/state-store list_asset_state_store 200 AssetStateStoreCollectionResponse | the store of an asset
DELETE /api/v2/assets/{asset_id}/state-store clear_asset_state_store 204 - | delete all its keys
GET /api/v2/assets/{asset_id}/state-store/{key} get_asset_state_store 200 AssetStateStoreResponse | one key, and who wrote it
PUT /api/v2/assets/{asset_id}/state-store/{key} set_asset_state_store 204 - | write value
DELETE /api/v2/assets/{asset_id}/state-store/{key} delete_asset_state_store 204 - | delete one key
# Backfill
GET /api/v2/backfills list_backfills 200 BackfillCollectionResponse | backfills of the DAG that dag_id in the query names
POST /api/v2/backfills create_backfill 200 BackfillResponse | create one and start its runs
GET /api/v2/backfills/{backfill_id} get_backfill 200 BackfillResponse | one backfill
PUT /api/v2/backfills/{backfill_id}/pause pause_backfill 200 BackfillResponse | start no more of its runs
PUT /api/v2/backfills/{backfill_id}/unpause unpause_backfill 200 BackfillResponse | go on
PUT /api/v2/backfills/{backfill_id}/cancel cancel_backfill 200 BackfillResponse | end it: runs that have not begun are cancelled, those under way go on
POST /api/v2/backfills/dry_run create_backfill_dry_run 200 DryRunBackfillCollectionResponse | the dates that would get a run; changes nothing
# Config
GET /api/v2/config get_config 200 Config | settings, secrets hidden, as JSON or (Accept: text/plain) text
GET /api/v2/config/section/{section}/option/{option} get_config_value 200 Config | one setting; its section is orchestrator
# Connection
DELETE /api/v2/connections/{connection_id} delete_connection 204 - | delete
GET /api/v2/connections/{connection_id} get_connection 200 ConnectionResponse | one connection, secrets hidden
PATCH /api/v2/connections/{connection_id} patch_connection 200 ConnectionResponse | change
GET /api/v2/connections/enqueue-test get_connection_test 403 - | 403: connections are not tested on workers
POST /api/v2/connections/enqueue-test enqueue_connection_test 403 - | 403: connections are not tested on workers
GET /api/v2/connections get_connections 200 ConnectionCollectionResponse | connections, secrets hidden
POST /api/v2/connections post_connection 201 ConnectionResponse | make one
PATCH /api/v2/connections bulk_connections 200 BulkResponse | make, change and delete many
POST /api/v2/connections/test test_connection 200 ConnectionTestResponse | try one that is there or described; 403 unless AIRFLOW__CORE__TEST_CONNECTION is Enabled
POST /api/v2/connections/defaults create_default_connections 404 - | 404: there are none
# DAG
GET /api/v2/dags get_dags 200 DAGCollectionResponse | DAGs
PATCH /api/v2/dags patch_dags 200 DAGCollectionResponse | pause or unpause all DAGs that the filters name; none without dag_id_pattern or dag_id_prefix_pattern
GET /api/v2/dags/{dag_id} get_dag 200 DAGResponse | one DAG
PATCH /api/v2/dags/{dag_id} patch_dag 200 DAGResponse | pause or unpause (is_paused); ours: "pause_mode": "freeze" stops runs under way from starting tasks, too
DELETE /api/v2/dags/{dag_id} delete_dag 200 any | delete with all runs; refused while one is not finished
GET /api/v2/dags/{dag_id}/details get_dag_details 200 DAGDetailsResponse | the DAG with what its version says
POST /api/v2/dags/{dag_id}/favorite favorite_dag 204 - | star a DAG; 409 where it is a favorite of yours
POST /api/v2/dags/{dag_id}/unfavorite unfavorite_dag 204 - | take the star away; 409 where there is none
GET /api/v2/dagTags get_dag_tags 200 DAGTagCollectionResponse | tags in use
# DAG Parsing
PUT /api/v2/parseDagFile/{file_token} reparse_dag_file 201 any | have a DAG file read again though it did not change
# DagRun
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id} get_dag_run 200 DAGRunResponse | one run
DELETE /api/v2/dags/{dag_id}/dagRuns/{dag_run_id} delete_dag_run 204 - | delete; refused while it runs
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id} patch_dag_run 200 DAGRunResponse | set state (queued, success, failed) or note
PATCH /api/v2/dags/{dag_id}/dagRuns bulk_dag_runs 200 BulkResponse | change and delete many
GET /api/v2/dags/{dag_id}/dagRuns get_dag_runs 200 DAGRunCollectionResponse | runs
POST /api/v2/dags/{dag_id}/dagRuns trigger_dag_run 200 DAGRunResponse | trigger; needs the key logical_date, which may be null
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents get_upstream_asset_events 200 AssetEventCollectionResponse | the events that a run was made for
POST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/clear clear_dag_run 200 ClearTaskInstanceCollectionResponse|DAGRunResponse | clear a run; only says what it would unless dry_run is false
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/wait wait_dag_run_until_finished 200 any | a line of JSON every interval seconds until the run has ended, the last one with what the tasks in result returned
POST /api/v2/dags/{dag_id}/dagRuns/list get_list_dag_runs_batch 200 DAGRunCollectionResponse | the list, with its filters in the body
POST /api/v2/dags/{dag_id}/clearDagRuns clear_dag_runs 200 ClearTaskInstanceCollectionResponse|DAGRunCollectionResponse | clear the runs in dag_runs, or those of a partition; only says what it would unless dry_run is false
POST /api/v2/dags/{dag_id}/clearPartitions clear_dag_run_partitions 200 ClearPartitionsResponse | take partition keys off runs, and with clear_task_instances run these again; only counts unless dry_run is false
# DagSource
GET /api/v2/dagSources/{dag_id} get_dag_source 200 DAGSourceResponse | source of the DAG file, as JSON or (Accept: text/plain) as it is
# DagStats
GET /api/v2/dagStats get_dag_stats 200 DagStatsCollectionResponse | how many runs each DAG has by state (dag_ids)
# DagVersion
GET /api/v2/dags/{dag_id}/dagVersions/{version_number} get_dag_version 200 DagVersionResponse | one version
GET /api/v2/dags/{dag_id}/dagVersions get_dag_versions 200 DAGVersionCollectionResponse | versions
# DagWarning
GET /api/v2/dagWarnings list_dag_warnings 200 DAGWarningCollectionResponse | DAGs that name pools which are not there, or assets that others displace
# Event Log
GET /api/v2/eventLogs/{event_log_id} get_event_log 200 EventLogResponse | one entry
GET /api/v2/eventLogs get_event_logs 200 EventLogCollectionResponse | who did what
# Extra Links
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/links get_extra_links 200 ExtraLinkCollectionResponse | addresses of the links that the operator and plugins give it (map_index)
# Import Error
GET /api/v2/importErrors/{import_error_id} get_import_error 200 ImportErrorResponse | one import error
GET /api/v2/importErrors get_import_errors 200 ImportErrorCollectionResponse | files that give no DAGs, and why
# Job
GET /api/v2/jobs get_jobs 200 JobCollectionResponse | the processes that are, or were
# Document
GET /openapi.json get_document 200 any | this API as an OpenAPI document
# Login
GET /api/v2/auth/login login 307 - | leads to the sign-in page; next says where to then
GET /api/v2/auth/logout logout 307 - | ends the bearer token that it is asked with
POST /auth/token create_token 201 Token | a token of one day for {"username", "password"}
POST /auth/token/cli create_token_cli 201 Token | the same, for one hour
# Monitor
GET /api/v2/monitor/health get_health 200 HealthInfoResponse | database, scheduler, triggerer, DAG processor
# Plugin
GET /api/v2/plugins get_plugins 200 PluginCollectionResponse | plugins and what they bring
GET /api/v2/plugins/importErrors import_errors 200 PluginImportErrorCollectionResponse | plugins that could not be loaded, and why
# Pool
DELETE /api/v2/pools/{pool_name} delete_pool 204 - | delete; not the default one
GET /api/v2/pools/{pool_name} get_pool 200 PoolResponse | one pool
PATCH /api/v2/pools/{pool_name} patch_pool 200 PoolResponse | change
GET /api/v2/pools get_pools 200 PoolCollectionResponse | pools with the slots in use
POST /api/v2/pools post_pool 201 PoolResponse | make one
PATCH /api/v2/pools bulk_pools 200 BulkResponse | make, change and delete many
# Provider
GET /api/v2/providers get_providers 200 ProviderCollectionResponse | packages that bring operators and hooks
GET /api/v2/connectionTypes get_connection_types 200 ConnectionTypeCollectionResponse | what installed packages say of the connections they use
# Task
GET /api/v2/dags/{dag_id}/tasks get_tasks 200 TaskCollectionResponse | tasks of the current version
GET /api/v2/dags/{dag_id}/tasks/{task_id} get_task 200 TaskResponse | one task
# Task Instance
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id} get_task_instance 200 TaskInstanceResponse | one task instance
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id} patch_task_instance 200 TaskInstanceCollectionResponse | set new_state (success, failed, skipped) or note, of all map indexes
DELETE /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id} delete_task_instance 200 any | delete one (map_index), of a run that has ended
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/listMapped get_mapped_task_instances 200 TaskInstanceCollectionResponse | instances of a mapped task
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/dependencies get_task_instance_dependencies_by_map_index 200 TaskDependencyCollectionResponse | what holds it
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/dependencies get_task_instance_dependencies 200 TaskDependencyCollectionResponse | what holds it; why says more
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/tries get_task_instance_tries 200 TaskInstanceHistoryCollectionResponse | tries of a task instance
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/tries get_mapped_task_instance_tries 200 TaskInstanceHistoryCollectionResponse | tries of a task instance
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index} get_mapped_task_instance 200 TaskInstanceResponse | one of a mapped task
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index} patch_task_instance_by_map_index 200 TaskInstanceCollectionResponse | set new_state or note of one
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances get_task_instances 200 TaskInstanceCollectionResponse | task instances of a run
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances bulk_task_instances 200 BulkResponse | change and delete many
POST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/list get_task_instances_batch 200 TaskInstanceCollectionResponse | the list, with its filters in the body
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/tries/{task_try_number} get_task_instance_try_details 200 TaskInstanceHistoryResponse | one try
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/tries/{task_try_number} get_mapped_task_instance_try_details 200 TaskInstanceHistoryResponse | one try
POST /api/v2/dags/{dag_id}/clearTaskInstances post_clear_task_instances 200 TaskInstanceCollectionResponse | clear task instances; only says which unless dry_run is false
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskGroupInstances/{group_id} patch_task_group_instances 200 TaskInstanceCollectionResponse | set new_state or note of all task instances of a group
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskGroupInstances/{group_id}/dry_run patch_task_group_instances_dry_run 200 TaskInstanceCollectionResponse | what a state would change
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/dry_run patch_task_instance_dry_run_by_map_index 200 TaskInstanceCollectionResponse | what a state would change
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/dry_run patch_task_instance_dry_run 200 TaskInstanceCollectionResponse | what a state would change
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try_number} get_log 200 TaskInstancesLogResponse | log of a try: JSON with continuation_token, application/x-ndjson or text/plain
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/externalLogUrl/{try_number} get_external_log_url 200 ExternalLogUrlResponse | address of a try's log in the log system set by ORCHESTRATOR_EXTERNAL_LOG_URL
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/hitlDetails update_hitl_detail 200 HITLDetailResponse | answer: chosen_options, params_input; once
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/hitlDetails get_hitl_detail 200 HITLDetail | what one task instance asks
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/hitlDetails/tries/{try_number} get_hitl_detail_try_detail 200 HITLDetailHistory | what one try asked
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/hitlDetails get_hitl_details 200 HITLDetailCollection | what tasks ask people, and what was answered
# Task State Store
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store list_task_state_store 200 TaskStateStoreCollectionResponse | the task's state store (map_index)
DELETE /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store clear_task_state_store 204 - | delete all keys; all_map_indices=true: of all instances
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store/{key} get_task_state_store 200 TaskStateStoreResponse | one key
PUT /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store/{key} set_task_state_store 204 - | write value; expires_at is a time, null (never) or "default"
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store/{key} patch_task_state_store 200 any | another value until the same time
DELETE /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/state-store/{key} delete_task_state_store 204 - | delete one key
# Variable
DELETE /api/v2/variables/{variable_key} delete_variable 204 - | delete
GET /api/v2/variables/{variable_key} get_variable 200 VariableResponse | one variable, value hidden
PATCH /api/v2/variables/{variable_key} patch_variable 200 VariableResponse | change
GET /api/v2/variables get_variables 200 VariableCollectionResponse | variables, values hidden
POST /api/v2/variables post_variable 201 VariableResponse | make one
PATCH /api/v2/variables bulk_variables 200 BulkResponse | make, change and delete many
# Version
GET /api/v2/version get_version 200 VersionInfo | version of the API
# XCom
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries/{xcom_key} get_xcom_entry 200 XComResponseNative|XComResponseString | one XCom with its value (stringify=true: as text)
PATCH /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries/{xcom_key} update_xcom_entry 200 XComResponseNative | another value (map_index)
DELETE /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries/{xcom_key} delete_xcom_entry 204 - | delete it (map_index)
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries get_xcom_entries 200 XComCollectionResponse | XComs, without values
POST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries create_xcom_entry 201 XComResponseNative | write an XCom: key, value (JSON), map_index
# Beyond Airflow
GET /api/v2/dags/{dag_id}/nextRuns get_next_runs 200 any | scheduled runs to come (count, 20), with notes on changes of the clock
GET /api/v2/dags/{dag_id}/why why_dag 200 any | what the DAG waits for, and when its next run is due
PUT /api/v2/dags/{dag_id}/tasks/{task_id}/hold hold_task 200 any | keep the task from starting in every run; {"reason", "until"}
DELETE /api/v2/dags/{dag_id}/tasks/{task_id}/hold release_task 204 - | release it
GET /api/v2/dags/{dag_id}/holds get_holds 200 any | what is held
POST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/cancel cancel_dag_run 200 DAGRunResponse | stop the run, its teardowns still run; {"reason"} is optional
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/forecast get_dag_run_forecast 200 any | when the run will end, and which deadlines it will be late for
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/why why_dag_run 200 any | why the run does not go on, and what its task instances wait for
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/compare compare_dag_runs 200 any | what differs from the run with (default: the last good one before it), what explains the delay first
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/groupRetries get_group_retries 200 any | groups that were run again, how often, and when next
PUT /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/hold hold_task_instance 200 any | keep it from starting in this run; map_index in the query for one of a mapped task
DELETE /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/hold release_task_instance 204 - | release it
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/why why_task_instance 200 any | why the task instance does not run, what to do, and what holds it
GET /api/v2/dags/{dag_id}/deadlineAlerts get_deadline_alerts 200 any | deadlines that a DAG defines
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/deadlines get_deadlines 200 any | by when a run and its tasks are needed, and whether that was missed
GET /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}/why why_mapped_task_instance 200 any | why the task instance does not run, what to do, and what holds it
GET /api/v2/webhooks get_webhooks 200 WebhookCollectionResponse | addresses that are told how runs end
POST /api/v2/webhooks post_webhook 201 NewWebhookResponse | make one; the answer has the secret that its bodies are signed with, once
GET /api/v2/webhooks/{webhook_id} get_webhook 200 WebhookResponse | one webhook
PATCH /api/v2/webhooks/{webhook_id} patch_webhook 200 WebhookResponse | change it; "enabled": true after it was disabled goes on with what waited
DELETE /api/v2/webhooks/{webhook_id} delete_webhook 204 - | delete it with what it was told
POST /api/v2/webhooks/{webhook_id}/secret renew_webhook_secret 200 WebhookSecretResponse | give it another secret, shown once
POST /api/v2/webhooks/{webhook_id}/test test_webhook 200 WebhookDeliveryResponse | send it a message that tells of nothing
GET /api/v2/webhooks/{webhook_id}/deliveries get_webhook_deliveries 200 WebhookDeliveryCollectionResponse | what it was told, the newest first
POST /api/v2/webhooks/{webhook_id}/deliveries/{delivery_id}/resend resend_webhook_delivery 200 WebhookDeliveryResponse | send a message once more, under its id
GET /api/v2/whoami whoami 200 any | who the caller is, and her role with this token
GET /api/v2/events get_events 200 any | changes of runs and task instances as they happen, as server-sent events
"""
