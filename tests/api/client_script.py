"""Run by the stock client's own Python: drives the server at argv[1] and prints what it saw as JSON.

Every answer passes the client's own models, which raise on a missing field or an unknown enum value.
"""

from __future__ import annotations

import json
import sys
import urllib.request

import airflow_client.client as airflow
from airflow_client.client import api as apis

base, username, password = sys.argv[1], sys.argv[2], sys.stdin.read()
body = json.dumps({"username": username, "password": password}).encode()
login = urllib.request.Request(f"{base}/auth/token", body, {"Content-Type": "application/json"}, method="POST")
with urllib.request.urlopen(login) as answer:
    token = json.load(answer)["access_token"]

seen = {}
with airflow.ApiClient(airflow.Configuration(host=base, access_token=token)) as client:
    seen["health"] = apis.MonitorApi(client).get_health().metadatabase.status
    seen["version"] = apis.VersionApi(client).get_version().version
    dags = apis.DAGApi(client)
    seen["dags"] = [each.dag_id for each in dags.get_dags(order_by=["dag_id"]).dags]
    seen["dag"] = dags.get_dag("alpha").is_paused
    seen["details"] = dags.get_dag_details("alpha").latest_dag_version.version_number
    seen["paused"] = dags.patch_dag("alpha", airflow.DAGPatchBody(is_paused=True), update_mask=["is_paused"]).is_paused
    dags.patch_dag("alpha", airflow.DAGPatchBody(is_paused=False))
    seen["tags"] = dags.get_dag_tags().tags

    runs = apis.DagRunApi(client)
    made = runs.trigger_dag_run(
        "alpha", airflow.TriggerDAGRunPostBody(logical_date=None, conf={"a": 1}, note="by client")
    )
    seen["triggered"] = [made.run_type.value, made.note, made.conf]
    seen["runs"] = runs.get_dag_runs("alpha", order_by=["id"]).total_entries
    seen["batch"] = runs.get_list_dag_runs_batch("~", airflow.DAGRunsBatchBody(dag_ids=["alpha"])).total_entries
    seen["run"] = runs.get_dag_run("alpha", "r1").state.value
    patch = airflow.DAGRunPatchBody(note="patched")
    seen["patched"] = runs.patch_dag_run("alpha", "r1", patch, update_mask=["note"]).note
    runs.delete_dag_run("alpha", "gone")

    instances = apis.TaskInstanceApi(client)
    listed = instances.get_task_instances("alpha", "r1", order_by=["task_id"])
    seen["instances"] = [[each.task_id, each.state.value] for each in listed.task_instances]
    seen["instance"] = instances.get_task_instance("alpha", "r1", "a").operator
    seen["mapped"] = instances.get_mapped_task_instances("alpha", "r1", "m").total_entries
    seen["one_mapped"] = instances.get_mapped_task_instance("alpha", "r1", "m", 1).map_index
    seen["tries"] = [each.try_number for each in instances.get_task_instance_tries("alpha", "r1", "a").task_instances]
    marked = instances.patch_task_instance("alpha", "r1", "b", airflow.PatchTaskInstanceBody(new_state="success"))
    seen["marked"] = [each.state.value for each in marked.task_instances]
    clear = airflow.ClearTaskInstancesBody(dry_run=True, dag_run_id="r1", only_failed=False)
    seen["clear"] = instances.post_clear_task_instances("alpha", clear).total_entries
    log = instances.get_log("alpha", "r1", "a", 1)
    seen["log"] = [each.event for each in log.content.actual_instance][2:]

    seen["xcoms"] = apis.XComApi(client).get_xcom_entries(dag_id="alpha", dag_run_id="r1", task_id="a").total_entries
    entry = apis.XComApi(client).get_xcom_entry(dag_id="alpha", dag_run_id="r1", task_id="a", xcom_key="return_value")
    seen["xcom"] = entry.actual_instance.value
    seen["source"] = apis.DagSourceApi(client).get_dag_source("alpha").content
    seen["tasks"] = [each.task_id for each in apis.TaskApi(client).get_tasks("alpha").tasks]
    seen["versions"] = apis.DagVersionApi(client).get_dag_versions("alpha").total_entries
    seen["errors"] = [each.filename for each in apis.ImportErrorApi(client).get_import_errors().import_errors]

    pools = apis.PoolApi(client)
    pools.post_pool(airflow.PoolBody(name="p", slots=2))
    seen["pools"] = [each.name for each in pools.get_pools().pools]
    pools.delete_pool("p")
    variables = apis.VariableApi(client)
    variables.post_variable(airflow.VariableBody(key="v", value="hunter22"))
    seen["variable"] = variables.get_variable("v").value
    variables.delete_variable("v")
    connections = apis.ConnectionApi(client)
    connections.post_connection(airflow.ConnectionBody(connection_id="c", conn_type="http", password="hunter22"))
    seen["connection"] = connections.get_connection("c").password
    connections.delete_connection("c")
    seen["events"] = "trigger_dag_run" in {each.event for each in apis.EventLogApi(client).get_event_logs().event_logs}
    try:
        dags.get_dag("nope")
    except airflow.exceptions.NotFoundException as error:
        seen["missing"] = json.loads(error.body)["detail"]
print(json.dumps(seen))
