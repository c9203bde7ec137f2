"""Which pages there are pictures of, and where each is in the demo data."""

from __future__ import annotations

GRID, LAKE = "/dags/warehouse_nightly", "/dags/lake_refresh"
RUN, TASK = GRID + "/runs/{failed}", GRID + "/runs/{failed}/tasks/{task}"
PAGES = {
    "home": "/",
    "dags": "/dags?view=cards",
    "dags-table": "/dags?view=table",
    "import-errors": "/import-errors",
    "grid": GRID,
    "grid-large": LAKE,
    "graph": f"{GRID}/graph",
    "overview": f"{GRID}/overview",
    "calendar": f"{GRID}/calendar",
    "schedule": f"{GRID}/schedule",
    "tasks": f"{GRID}/tasks",
    "task-over-runs": GRID + "/tasks/{task}",
    "runs": f"{GRID}/runs",
    "backfills": f"{GRID}/backfills",
    "code": f"{GRID}/code",
    "versions": f"{GRID}/versions",
    "details": f"{GRID}/details",
    "run": RUN,
    "run-graph": f"{RUN}/graph",
    "run-gantt": f"{RUN}/gantt",
    "run-replay": f"{RUN}/replay?at=60",
    "run-logs": "/dags/export_ledger/runs/{long}/logs?q=amount%2049",
    "run-compare": f"{RUN}/compare",
    "run-events": f"{RUN}/events",
    "run-details": f"{RUN}/details",
    "task": TASK,
    "task-log": "/dags/export_ledger/runs/{long}/tasks/export",
    "task-tries": f"{TASK}/tries",
    "task-rendered": f"{TASK}/rendered_templates",
    "task-xcom": f"{TASK}/xcom",
    "task-details": f"{TASK}/details",
    "mapped": "/dags/thumbnails/runs/{wide}/tasks/{mapped}/mapped",
    "trigger": f"{GRID}/trigger",
    "clear": f"{RUN}/clear",
    "backfill": f"{GRID}/backfill",
    "required": "/required_actions",
    "assets": "/assets",
    "assets-graph": "/assets?view=graph",
    "asset": "/assets/{asset}",
    "waits-for-assets": "/dags/{consumer}/schedule",
    "all-runs": "/dag_runs",
    "all-task-instances": "/task_instances",
    "timeline": "/timeline",
    "failures": "/failures",
    "failure": "/failures/{failure}",
    "variables": "/variables",
    "connections": "/connections",
    "connection-add": "/connections/add",
    "pools": "/pools",
    "workers": "/workers",
    "bundles": "/bundles",
    "webhooks": "/webhooks",
    "webhook": "/webhooks/{webhook}",
    "webhook-edit": "/webhooks/{webhook}/edit",
    "plugins": "/plugins",
    "providers": "/providers",
    "settings": "/configs",
    "users": "/security/users",
    "teams": "/security/teams",
    "roles": "/security/roles",
    "tokens": "/security/tokens",
    "audit-log": "/events",
    "api-docs": "/docs",
    "sign-in": "/sign-in",
}
WIDTHS = {"wide": (1280, 800), "narrow": (360, 720)}
SCHEMES = ("light", "dark")
IDS = """
import json
from datetime import timedelta
from urllib.parse import quote
from dags_app.models import Asset, Dag
from django.contrib.auth.models import User
from django.utils import timezone
from runs_app import teams, webhooks
from runs_app.models import DagRun, FailureGroup, TaskInstance
for name, about, rules in (
    ("finance", "Ledgers and reports", [["tag", "finance"], ["owner", "finance"]]),
    ("warehouse", "", [["folder", "warehouse"], ["dag", "warehouse_nightly"]]),
):
    team = teams.make(name, description=about, rules=rules, user=None, now=timezone.now())
    for account in User.objects.order_by("pk")[:1]:
        teams.put_member(team, account, "user", user=None)
failed = DagRun.objects.filter(dag_id="warehouse_nightly", state="failed").order_by("-run_after").first()
owner, now = User.objects.order_by("pk").first(), timezone.now()
desk, _ = webhooks.create(owner, {"name": "Incident desk", "url": "https://desk.example.org/hooks/1", "tags": ["finance"]}, now)
webhooks.create(owner, {"name": "Chat of the warehouse", "url": "https://chat.example.org/hooks/2", "dag_ids": ["warehouse_nightly"], "kinds": ["dag_run.failed"], "enabled": False, "disabled_why": "Nothing arrived for a day: 503"}, now)
for number, state in enumerate(("arrived", "arrived", "dead", "arrived", "arrived")):
    row = webhooks.send_test(desk, user=owner, now=now - timedelta(hours=number))
    row.kind, row.dag_id, row.run_id, row.state = "dag_run.failed", failed.dag_id, failed.run_id, state
    row.next_at, row.tried_at, row.tries = None, row.created_at, 1 if state == "arrived" else 11
    row.status, row.answer = (204, "") if state == "arrived" else (503, "busy")
    row.save()
first = TaskInstance.objects.filter(run=failed, state="failed", map_index=-1).order_by("started_at").first()
wide = DagRun.objects.filter(dag_id="thumbnails").order_by("-run_after").first()
long = DagRun.objects.filter(dag_id="export_ledger").order_by("-run_after").first()
mapped = TaskInstance.objects.filter(run=wide, map_index=0).first()
found = {
    "failed": quote(failed.run_id, safe=""),
    "task": first.task_id,
    "wide": quote(wide.run_id, safe=""),
    "long": quote(long.run_id, safe=""),
    "mapped": mapped.task_id,
    "asset": Asset.objects.get(name="orders").pk,
    "consumer": Dag.objects.filter(asset_expression__isnull=False).order_by("pk").first().pk,
    "webhook": desk.pk,
    "failure": FailureGroup.objects.order_by("pk").values_list("pk", flat=True).first(),
}
print("ids", json.dumps(found))
"""
"""Run in the shell of the installation: what the addresses need, as JSON behind the word."""
