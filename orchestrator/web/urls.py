"""Addresses of the pages: Airflow 3's, so that old bookmarks and links in mails go on working."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

import orchestrator.converters  # noqa: F401  registers <index:...>

from . import old_addresses, urls_browse, urls_charts
from .converters import ANY
from .views import (
    account,
    asset_store,
    assets,
    backfills,
    callbacks,
    code,
    dag,
    dags,
    dialogs,
    favorites,
    grid,
    holds,
    logs,
    moved,
    required,
    run,
    run_assets,
    search,
    task,
)

DAG = f"dags/<{ANY}:dag_id>"
RUN = DAG + "/runs/<any:run_id>"
TASK = RUN + "/tasks/<any:task_id>"
TASK_PAGES = (
    ("", "task", task.log_page),
    ("/rendered_templates", "task-rendered", task.rendered_page),
    ("/xcom", "task-xcom", task.xcom_page),
    ("/state-store", "task-store", task.store_page),
    ("/tries", "task-tries", task.tries_page),
    ("/code", "task-code", code.task_code_page),
    ("/details", "task-details", task.details_page),
    ("/required_actions", "task-required", required.question_page),
    ("/log", "task-log", logs.lines),
    ("/log/find", "task-log-find", logs.find),
    ("/log.txt", "task-log-file", logs.download),
    ("/clear", "task-clear", dialogs.clear_task),
    ("/mark", "task-mark", dialogs.mark_task),
    ("/hold", "task-hold", holds.hold_task),
    ("/note", "task-note", dialogs.note_task),
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dags"), name="home"),
    path("favicon.ico", RedirectView.as_view(url="/static/icon.svg")),
    path("sign-in", account.sign_in, name="sign-in"),
    path("sign-in/password", account.choose_password, name="choose-password"),
    path("sign-out", account.sign_out, name="sign-out"),
    path("account/password", account.change_password, name="password"),
    path("search", search.search, name="search"),
    path("dags", dags.list_page, name="dags"),
    *urls_browse.urlpatterns,
    path("required_actions", required.list_page, name="required"),
    path("answer/<str:token>", required.by_link, name="answer-link"),
    path("assets", assets.list_page, name="assets"),
    path("assets/<int:asset_id>", assets.asset_page, name="asset"),
    path("assets/<int:asset_id>/state-store", asset_store.list_page, name="asset-store"),
    path("assets/<int:asset_id>/state-store/edit", asset_store.edit, name="asset-store-edit"),
    path("assets/<int:asset_id>/state-store/delete", asset_store.delete, name="asset-store-delete"),
    path("assets/<int:asset_id>/event", assets.create_event, name="asset-event"),
    path("assets/<int:asset_id>/materialize", assets.materialize, name="asset-materialize"),
    path("import-errors", dags.import_errors_page, name="import-errors"),
    *(path(route, moved.lead(to)) for route, to in old_addresses.VERSION_3.items()),
    *(path(TASK + "/mapped/<index:map_index>" + end, view, name=name + "-mapped") for end, name, view in TASK_PAGES),
    path(TASK + "/mapped", task.mapped_page, name="mapped"),
    *(path(TASK + end, view, name=name) for end, name, view in reversed(TASK_PAGES)),
    path(RUN + "/required_actions", required.list_page, name="run-required"),
    path(RUN + "/graph", run.graph_page, name="run-graph"),
    *urls_charts.of_runs,
    path(RUN + "/asset_events", run_assets.asset_events_page, name="run-asset-events"),
    path(RUN + "/events", run.events_page, name="run-events"),
    path(RUN + "/callbacks", callbacks.callbacks_page, name="run-callbacks"),
    path(RUN + "/callbacks/<int:callback_id>/log.txt", callbacks.download, name="callback-log"),
    path(RUN + "/code", code.run_code_page, name="run-code"),
    path(RUN + "/details", run.details_page, name="run-details"),
    path(RUN + "/clear", dialogs.clear_run, name="run-clear"),
    path(RUN + "/cancel", dialogs.cancel_run, name="run-cancel"),
    path(RUN + "/mark", dialogs.mark_run, name="run-mark"),
    path(RUN + "/note", dialogs.note_run, name="run-note"),
    path(RUN + "/delete", dialogs.delete_run, name="run-delete"),
    path(RUN, run.tasks_page, name="run"),
    path(DAG + "/grid.json", grid.data, name="grid-data"),
    path(DAG + "/grid/mapped.json", grid.mapped, name="grid-mapped"),
    path(DAG + "/grid/instance.json", grid.instance, name="grid-instance"),
    path(DAG + "/graph.json", dag.graph_data, name="graph-data"),
    path(DAG + "/required_actions", required.list_page, name="dag-required"),
    *urls_charts.of_dags,
    path(DAG + "/graph", moved.also_of_runs(dag.graph_page, "graph"), name="graph"),
    path(DAG + "/backfills", backfills.list_page, name="backfills"),
    path(DAG + "/backfills/<int:backfill_id>/pause", backfills.pause, name="backfill-pause"),
    path(DAG + "/backfills/<int:backfill_id>/unpause", backfills.unpause, name="backfill-unpause"),
    path(DAG + "/backfills/<int:backfill_id>/cancel", backfills.cancel, name="backfill-cancel"),
    path(DAG + "/backfill", backfills.create, name="backfill"),
    path(DAG + "/runs", dag.runs_page, name="runs"),
    path(DAG + "/tasks/<any:task_id>", dag.task_page, name="dag-task"),
    path(DAG + "/tasks", dag.tasks_page, name="dag-tasks"),
    path(DAG + "/code", moved.also_of_runs(code.dag_code_page, "code"), name="code"),
    path(DAG + "/details", moved.also_of_runs(dag.details_page, "details"), name="details"),
    path(DAG + "/favorite", favorites.favorite, name="favorite"),
    path(DAG + "/pause", dag.pause, name="pause"),
    path(DAG + "/delete", dialogs.delete_dag, name="dag-delete"),
    path(DAG + "/trigger", dialogs.trigger, name="trigger"),
    # Last: an id may hold slashes, so that these would match the pages of tasks, too.
    *(path(route, moved.lead(to)) for route, to in old_addresses.version_2().items()),
    path(DAG, grid.page, name="dag"),
]
