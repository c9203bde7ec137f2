"""What each dialog does, as code.

One table: the name of a dialog's route -> what it calls, worked out of its address and of what stands in its form. A
dialog that is not in the table shows no code; one that has no command, or that Airflow's client does not know, shows
the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.http import Http404, HttpRequest, QueryDict
from django.urls import Resolver404, resolve

from dags_app.models import Dag
from dags_app.versions import load_spec, reruns_with_latest
from orchestrator.core.spec import DagSpec
from runs_app.models import DagRun, TaskInstance

from . import bulk, params, shared_code
from .as_code import Call, Client, host_of, texts
from .page import dag_for


@dataclass(frozen=True)
class Form:
    """One dialog as it stands: the parts of its address, and its form."""

    request: HttpRequest
    path: Mapping[str, Any]
    data: QueryDict

    @property
    def run(self) -> str:
        return f"/api/v2/dags/{_quoted(self.path['dag_id'])}/dagRuns/{_quoted(self.path['run_id'])}"

    @property
    def index(self) -> int:
        return int(self.path.get("map_index", -1))

    @property
    def task(self) -> str:
        index = f"/{self.index}" if self.index != -1 else ""
        return f"{self.run}/taskInstances/{_quoted(self.path['task_id'])}{index}"

    @property
    def ids(self) -> tuple[str, str]:
        return self.path["dag_id"], self.path["run_id"]

    @property
    def indexed(self) -> tuple[str, ...]:
        return ("--map-index", str(self.index)) if self.index != -1 else ()

    def on(self, name: str, default: bool = False) -> bool:
        """A check box; before the form was seen it is as the dialog shows it."""
        return name in self.data or (default and "set" not in self.data)

    def on_form(self, name: str) -> bool:
        """A check box of a form without ``set``."""
        return name in self.data

    def text(self, name: str) -> str:
        return str(self.data.get(name, "")).strip()


def _quoted(text: str) -> str:
    return quote(str(text), safe="")


def _flags(form: Form, **names: bool) -> tuple[str, ...]:
    return tuple(f"--{name.replace('_', '-')}" for name, default in names.items() if form.on(name, default))


# ---- what each dialog calls


def trigger(form: Form) -> list[Call]:
    dag = dag_for(form.request, form.path["dag_id"])
    spec = load_spec(dag.version_id) if dag.version_id else DagSpec(dag_id=dag.dag_id)
    conf, _ = (
        params.conf_of(params.fields_of(spec.params), form.data, form.text("conf") or "{}") if form.data else ({}, "")
    )
    when = form.data.get("when") or ("date" if form.text("logical_date") else "now")  # a link may fill in the date
    date = {"none": None, "date": _utc(form.text("logical_date"))}.get(when, _utc())
    body: dict[str, Any] = {"logical_date": date, "conf": conf}
    command = ["dags", "trigger", dag.dag_id]
    command += ["--conf", json.dumps(conf, ensure_ascii=False)] if conf else []
    if run_id := form.text("run_id"):
        body["dag_run_id"] = run_id
        command += ["--run-id", run_id]
    if note := form.text("note"):
        body["note"] = note
    command += ["--logical-date", date] if date else []
    client = Client("DagRunApi", "trigger_dag_run", (dag.dag_id,), "TriggerDAGRunPostBody")
    path = f"/api/v2/dags/{_quoted(dag.dag_id)}"
    interval = {f"data_{name}": _utc(form.text(name)) for name in ("interval_start", "interval_end") if form.text(name)}
    body |= interval | ({"partition_key": key} if (key := form.text("partition_key")) else {})
    # The command makes runs with a date, and without a note, an interval or a partition.
    line = tuple(command) if date and not (note or interval or key) else None
    made = [Call("POST", f"{path}/dagRuns", body, client=client, command=line)]
    return [*made, *_paused(dag.dag_id, False)] if dag.is_paused and "unpause" in form.data else made


def _paused(dag_id: str, is_paused: bool) -> list[Call]:
    client = Client("DAGApi", "patch_dag", (dag_id,), "DAGPatchBody")
    command = ("dags", "pause" if is_paused else "unpause", dag_id)
    return [Call("PATCH", f"/api/v2/dags/{_quoted(dag_id)}", {"is_paused": is_paused}, client=client, command=command)]


def clear_run(form: Form) -> list[Call]:
    only_new = form.on("only_new")
    body = (
        {"dry_run": False, "only_new": True} if only_new else {"dry_run": False, "only_failed": form.on("only_failed")}
    )
    more = _more(form) if only_new else _more(form) | _version(form)
    flags = ("--only-new",) if only_new else _flags(form, only_failed=False)
    client = None if only_new else Client("DagRunApi", "clear_dag_run", form.ids, "DAGRunClearBody")
    command = None if more else ("runs", "clear", *form.ids, *flags)
    return [Call("POST", f"{form.run}/clear", body | more, client=client, command=command)]


def _more(form: Form, **names: str) -> dict[str, Any]:
    """What a body says only where it was chosen, and no command can say: check boxes, and a note."""
    found: dict[str, Any] = {of_api: True for name, of_api in names.items() if form.on(name)}
    return found | ({"note": note} if (note := form.text("note")) else {})


def _version(form: Form) -> dict[str, Any]:
    """Which version a clear is for, where it is another one than its DAG's clears are for anyway."""
    usual = reruns_with_latest(dag_for(form.request, form.path["dag_id"]))
    on = form.on("latest", usual)
    return {} if on == usual else {"run_on_latest_version": on}


_RUNS = {"past": "include_past", "future": "include_future"}
_WHICH = {"only_running": "only_running", "prevent_running": "prevent_running_task"}


def mark_run(form: Form) -> list[Call]:
    client = Client("DagRunApi", "patch_dag_run", form.ids, "DAGRunPatchBody")
    return [Call("PATCH", form.run, {"state": form.text("state") or "success", **_more(form)}, client=client)]


def cancel_run(form: Form) -> list[Call]:
    reason = form.text("reason")
    command = ("runs", "cancel", *form.ids, *(("--reason", reason) if reason else ()))
    return [Call("POST", f"{form.run}/cancel", {"reason": reason} if reason else {}, command=command)]


def note_run(form: Form) -> list[Call]:
    client = Client("DagRunApi", "patch_dag_run", form.ids, "DAGRunPatchBody")
    note = form.text("note")
    return [Call("PATCH", form.run, {"note": note}, client=client, command=("runs", "note", *form.ids, note))]


def delete_run(form: Form) -> list[Call]:
    client = Client("DagRunApi", "delete_dag_run", form.ids)
    return [Call("DELETE", form.run, client=client, command=("runs", "delete", *form.ids, "--yes"))]


def delete_dag(form: Form) -> list[Call]:
    dag_id = form.path["dag_id"]
    client = Client("DAGApi", "delete_dag", (dag_id,))
    return [
        Call("DELETE", f"/api/v2/dags/{_quoted(dag_id)}", client=client, command=("dags", "delete", dag_id, "--yes"))
    ]


def clear_task(form: Form) -> list[Call]:
    dag_id, run_id = form.ids
    task_id = form.path["task_id"]
    body = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": [[task_id, form.index]] if form.index != -1 else [task_id],
        "include_downstream": form.on("downstream", True),
        "include_upstream": form.on("upstream"),
        "only_failed": form.on("only_failed"),
    }
    flags = _flags(form, downstream=True, upstream=False, only_failed=False)
    client = Client("TaskInstanceApi", "post_clear_task_instances", (dag_id,), "ClearTaskInstancesBody")
    more = _more(form, **_RUNS, **_WHICH) | _version(form)
    command = None if more else ("tasks", "clear", dag_id, run_id, task_id, *form.indexed, *flags)
    path = f"/api/v2/dags/{_quoted(dag_id)}/clearTaskInstances"
    return [Call("POST", path, body | more, client=client, command=command)]


def mark_task(form: Form) -> list[Call]:
    state = form.text("state") or "success"
    scope: dict[str, Any] = {"include_downstream": form.on("downstream"), "include_upstream": form.on("upstream")}
    scope |= _more(form, **_RUNS)
    line = ("tasks", "mark", *form.ids, form.path["task_id"], state, *form.indexed)
    line += _flags(form, downstream=False, upstream=False)
    command = line if len(scope) == 2 else None
    client = _task_client(form, "patch_task_instance", "patch_task_instance_by_map_index")
    return [Call("PATCH", form.task, {"new_state": state, **scope}, client=client, command=command)]


def delete_task(form: Form) -> list[Call]:
    dag_id, run_id = form.ids
    task_id = form.path["task_id"]
    query = (("map_index", str(form.index)),) if form.index != -1 else ()
    client = Client("TaskInstanceApi", "delete_task_instance", (dag_id, run_id, task_id))
    path = f"{form.run}/taskInstances/{_quoted(task_id)}"
    return [Call("DELETE", path, query=query, client=client)]


def clear_group(form: Form) -> list[Call]:
    dag_id, run_id = form.ids
    body = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_group_id": form.path["group_id"],
        "include_downstream": form.on("downstream"),
        "include_upstream": form.on("upstream"),
        "only_failed": form.on("only_failed"),
    }
    path = f"/api/v2/dags/{_quoted(dag_id)}/clearTaskInstances"
    # Airflow's client drops what it does not know: without the group it would clear the whole run.
    return [Call("POST", path, body | _more(form, **_RUNS, **_WHICH) | _version(form))]


def mark_group(form: Form) -> list[Call]:
    body = {"new_state": form.text("state") or "success"}
    more = _more(form, downstream="include_downstream", upstream="include_upstream", **_RUNS)
    return [Call("PATCH", f"{form.run}/taskGroupInstances/{_quoted(form.path['group_id'])}", body | more)]


def note_task(form: Form) -> list[Call]:
    note = form.text("note")
    command = ("tasks", "note", *form.ids, form.path["task_id"], note, *form.indexed)
    client = _task_client(form, "patch_task_instance", "patch_task_instance_by_map_index")
    return [Call("PATCH", form.task, {"note": note}, client=client, command=command)]


def _task_client(form: Form, method: str, mapped: str) -> Client:
    index = (form.index,) if form.index != -1 else ()
    name = mapped if index else method
    return Client("TaskInstanceApi", name, (*form.ids, form.path["task_id"], *index), "PatchTaskInstanceBody")


def hold_task(form: Form) -> list[Call]:
    everywhere = form.text("where") == "every"
    dag_id, run_id = form.ids
    task_id, reason, until = form.path["task_id"], form.text("reason"), _utc(form.text("until"), None)
    whole = f"/api/v2/dags/{_quoted(dag_id)}/tasks/{_quoted(task_id)}/hold"
    query = (("map_index", str(form.index)),) if form.index != -1 and not everywhere else ()
    path = whole if everywhere else f"{form.run}/taskInstances/{_quoted(task_id)}/hold"
    body = {name: value for name, value in (("reason", reason), ("until", until)) if value}
    command = ("tasks", "hold", dag_id, task_id, *(() if everywhere else ("--run-id", run_id, *form.indexed)))
    command += (("--reason", reason) if reason else ()) + (("--until", until) if until else ())
    return [Call("PUT", path, body, query, command=command)]


def backfill(form: Form) -> list[Call]:
    dag_id = form.path["dag_id"]
    conf = _json(form.text("conf"))
    first, last = (_utc(form.text(name)) for name in ("from_date", "to_date"))
    behaviour, most = form.text("reprocess_behavior") or "none", form.text("max_active_runs") or "10"
    body: dict[str, Any] = {"dag_id": dag_id, "from_date": first, "to_date": last, "reprocess_behavior": behaviour}
    body |= {"max_active_runs": int(most) if most.isdecimal() else 10}
    flags = {"run_backwards": True} if form.on_form("run_backwards") else {}
    usual = reruns_with_latest(dag_for(form.request, dag_id), unsaid=True)
    if (latest := form.on("run_on_latest_version", usual)) != usual:
        flags["run_on_latest_version"] = latest
    body |= flags | ({"dag_run_conf": conf} if conf else {})
    command = ["backfill", "create", dag_id, "--from-date", str(first), "--to-date", str(last)]
    command += ["--reprocess-behavior", behaviour, "--max-active-runs", str(body["max_active_runs"])]
    command += [f"--{'' if on else 'no-'}{name.replace('_', '-')}" for name, on in flags.items()]
    command += ["--conf", json.dumps(conf, ensure_ascii=False)] if conf else []
    client = Client("BackfillApi", "create_backfill", (), "BackfillPostBody")
    made = [Call("POST", "/api/v2/backfills", body, client=client, command=tuple(command))]
    return [*made, *_paused(dag_id, False)] if form.on_form("unpause") else made


def cancel_backfill(form: Form) -> list[Call]:
    number = form.path["backfill_id"]
    client = Client("BackfillApi", "cancel_backfill", (number,))
    path = f"/api/v2/backfills/{number}/cancel"
    return [Call("PUT", path, client=client, command=("backfill", "cancel", str(number)))]


def many(form: Form) -> list[Call]:
    """An action on several rows: the calls for each of them, where they are few enough to be read."""
    of = bulk.KINDS.get(form.path["kind"])
    rows = bulk.chosen(form.request, of, form.data) if of is not None else []
    action = form.text("action")
    if of is None or len(rows) > MOST_CALLS or of.act(action) is None:
        return []
    return [call for row in rows for call in ONE_OF[of.name](form, row, action)]


def _one_dag(form: Form, dag: Dag, action: str) -> list[Call]:
    if action in {"pause", "unpause"}:
        return _paused(dag.dag_id, action == "pause")
    build = {"trigger": trigger, "delete": delete_dag}.get(action)
    return build(Form(form.request, {"dag_id": dag.dag_id}, QueryDict(""))) if build is not None else []


def _one_run(form: Form, run: DagRun, action: str) -> list[Call]:
    build, data = {
        "clear": (clear_run, "set=1"),
        "clear_failed": (clear_run, "set=1&only_failed=on"),
        "cancel": (cancel_run, ""),
        "delete": (delete_run, ""),
    }.get(action, (mark_run, f"state={action}"))
    values = QueryDict(data, mutable=True)
    if "note" in form.data:
        values["note"] = form.data["note"]
    return build(Form(form.request, {"dag_id": run.dag_id, "run_id": run.run_id}, values))


def _one_instance(form: Form, row: TaskInstance, action: str) -> list[Call]:
    path = {"dag_id": row.dag_id, "run_id": row.run.run_id, "task_id": row.task_id, "map_index": row.map_index}
    data = QueryDict("set=1", mutable=True)
    for name in ("downstream", "upstream", "past", "future", "only_failed", "note"):
        if name in form.data:
            data[name] = form.data[name]
    if action == "clear":
        return clear_task(Form(form.request, path, data))
    if action == "delete":
        return delete_task(Form(form.request, path, data))
    data["state"] = action
    return mark_task(Form(form.request, path, data))


MOST_CALLS = 20
ONE_OF: dict[str, Callable[[Form, Any, str], list[Call]]] = {
    "dags": _one_dag,
    "dag_runs": _one_run,
    "task_instances": _one_instance,
}
OF_TASKS = {"clear": clear_task, "mark": mark_task, "note": note_task, "hold": hold_task, "delete": delete_task}
DIALOGS: dict[str, Callable[[Form], list[Call]]] = {
    "trigger": trigger,
    "run-clear": clear_run,
    "run-mark": mark_run,
    "run-cancel": cancel_run,
    "run-note": note_run,
    "run-delete": delete_run,
    "dag-delete": delete_dag,
    **{f"task-{name}{end}": build for name, build in OF_TASKS.items() for end in ("", "-mapped")},
    "group-clear": clear_group,
    "group-mark": mark_group,
    "backfill": backfill,
    "backfill-cancel": cancel_backfill,
    "bulk": many,
    **shared_code.DIALOGS,
}


def of_request(request: HttpRequest) -> list[tuple[str, str]]:
    """The lines of the dialog that a request is for, as it is first shown."""
    return of_address(request, request.path, request.POST if request.method == "POST" else request.GET)


def of_values(request: HttpRequest, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines of a dialog whose form is shown with these values; what is empty or off is left out."""
    data = QueryDict(mutable=True)
    for name, value in values.items():
        if value not in (None, "", False):
            data[name] = "on" if value is True else str(value)
    return of_address(request, request.path, data)


def of_address(request: HttpRequest, address: str, data: QueryDict) -> list[tuple[str, str]]:
    """The lines of the dialog at an address with these values in its form; none where there is no such dialog."""
    try:
        match = resolve(address)
    except Resolver404:
        return []
    build = DIALOGS.get(match.url_name or "")
    if build is None:
        return []
    try:
        calls = build(Form(request, match.kwargs, data))
    except Http404:
        return []
    return texts(calls, host_of(request)) if calls else []


def _utc(text: str | None = None, otherwise: str | None = "") -> str | None:
    """A time as the API takes it: what was typed is of UTC where it does not say otherwise; None = now."""
    if text == "":
        return otherwise
    try:
        found = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError:
        return text
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
