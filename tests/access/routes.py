"""What each address of the project asks of its caller: one table, held against the URL resolver.

A line is ``route: {method: rule}``. The rules, for callers without a role / below the needed role / with it:

=========  ==========================================  =================================
rule       stands for                                  answers
=========  ==========================================  =================================
open       nothing is asked                            the same to everybody
mine       only a sign-in                              the same to everybody signed in
lists      shows what the caller may see               200, without a role nothing in it
sees       one object that needs the role viewer       404 / – / found
acts:VERB  one object, and a verb on it                404 / 403 / done
has:VERB   something that only the verb opens          403 / 403 / found
off:VERB   what is not done here, to whom the verb is  403 / 403 / 403 or 404
none       what is not set up here                     404 to everybody
=========  ==========================================  =================================
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from orchestrator.web import old_addresses

DAG = "api/v2/dags/<str:dag_id>"
RUN = f"{DAG}/dagRuns/<str:run_id>"
TASK = f"{RUN}/taskInstances/<str:task_id>"
INDEXED = f"{TASK}/<index:map_index>"
WEBHOOK = "api/v2/webhooks/<str:webhook_id>"

CONNECTION = {"get": "has:read_connections", "patch": "has:edit_connections", "delete": "has:edit_connections"}

API: dict[str, dict[str, str]] = {
    "openapi.json": {"get": "open"},
    "auth/token": {"post": "open"},
    "auth/token/cli": {"post": "open"},
    "api/v2/auth/login": {"get": "open"},
    "api/v2/auth/logout": {"get": "open"},
    "api/v2/monitor/health": {"get": "open"},
    "api/v2/version": {"get": "open"},
    "api/v2/whoami": {"get": "mine"},
    "api/v2/webhooks": dict.fromkeys(("get", "post"), "has:edit_webhooks"),
    f"{WEBHOOK}": dict.fromkeys(("get", "patch", "delete"), "has:edit_webhooks"),
    **{f"{WEBHOOK}/{end}": {"post": "has:edit_webhooks"} for end in ("secret", "test")},
    f"{WEBHOOK}/deliveries": {"get": "has:edit_webhooks"},
    f"{WEBHOOK}/deliveries/<str:delivery_id>/resend": {"post": "has:edit_webhooks"},
    "api/v2/dags": {"get": "lists", "patch": "has:edit"},
    "api/v2/dagStats": {"get": "lists"},
    "api/v2/dagTags": {"get": "lists"},
    "api/v2/dagSources/<str:dag_id>": {"get": "sees"},
    "api/v2/backfills": {"get": "lists", "post": "acts:trigger"},
    "api/v2/backfills/dry_run": {"post": "acts:trigger"},
    "api/v2/backfills/<int:backfill_id>": {"get": "sees"},
    **{f"api/v2/backfills/<int:backfill_id>/{end}": {"put": "acts:trigger"} for end in ("pause", "unpause", "cancel")},
    "api/v2/dagWarnings": {"get": "lists"},
    f"{DAG}/clearPartitions": {"post": "acts:clear"},
    "api/v2/importErrors": {"get": "lists"},
    "api/v2/importErrors/<int:import_error_id>": {"get": "sees"},
    "api/v2/events": {"get": "has:read"},
    "api/v2/eventLogs": {"get": "has:read_audit"},
    "api/v2/eventLogs/<int:event_log_id>": {"get": "has:read_audit"},
    "api/v2/assets/<int:asset_id>/state-store": {"get": "sees", "delete": "acts:edit"},
    "api/v2/assets/<int:asset_id>/state-store/<path:key>": {"get": "sees", "put": "acts:edit", "delete": "acts:edit"},
    "api/v2/jobs": {"get": "has:read_processes"},
    "api/v2/providers": {"get": "has:read_providers"},
    "api/v2/connectionTypes": {"get": "has:read_connections"},
    "api/v2/config": {"get": "has:read_config"},
    "api/v2/config/section/<str:section>/option/<str:option>": {"get": "has:read_config"},
    "api/v2/parseDagFile/<str:file_token>": {"put": "acts:edit"},
    "api/v2/plugins": {"get": "has:read_plugins"},
    "api/v2/plugins/importErrors": {"get": "has:read_plugins"},
    "api/v2/pools": {"get": "has:read_pools", **dict.fromkeys(("post", "patch"), "has:edit_pools")},
    "api/v2/pools/<path:pool_name>": dict.fromkeys(("patch", "delete"), "has:edit_pools") | {"get": "has:read_pools"},
    "api/v2/variables": {"get": "has:read_variables", **dict.fromkeys(("post", "patch"), "has:edit_variables")},
    "api/v2/variables/<path:variable_key>": {
        **{"get": "has:read_variables", "patch": "has:edit_variables", "delete": "has:edit_variables"}
    },
    "api/v2/connections": {"get": "has:read_connections", **dict.fromkeys(("post", "patch"), "has:edit_connections")},
    "api/v2/connections/<str:connection_id>": CONNECTION,
    "api/v2/connections/test": CONNECTION | {"post": "has:edit_connections"},
    "api/v2/connections/defaults": CONNECTION | {"post": "off:edit_connections"},
    "api/v2/connections/enqueue-test": CONNECTION | dict.fromkeys(("get", "post"), "off:edit_connections"),
    "api/v2/assets": {"get": "lists"},
    "api/v2/assets/aliases": {"get": "lists"},
    "api/v2/assets/aliases/<int:asset_alias_id>": {"get": "sees"},
    "api/v2/assets/events": {"get": "lists", "post": "has:trigger"},
    "api/v2/assets/<int:asset_id>": {"get": "sees"},
    "api/v2/assets/<int:asset_id>/materialize": {"post": "acts:trigger"},
    "api/v2/assets/<int:asset_id>/queuedEvents": {"get": "sees", "delete": "acts:edit"},
    f"{DAG}/assets/queuedEvents": {"get": "sees", "delete": "acts:edit"},
    f"{DAG}/assets/<int:asset_id>/queuedEvents": {"get": "sees", "delete": "acts:edit"},
    f"{RUN}/upstreamAssetEvents": {"get": "sees"},
    DAG: {"get": "sees", "patch": "acts:edit", "delete": "acts:delete"},
    f"{DAG}/details": {"get": "sees"},
    f"{DAG}/favorite": {"post": "acts:star"},
    f"{DAG}/unfavorite": {"post": "acts:star"},
    f"{DAG}/nextRuns": {"get": "sees"},
    f"{DAG}/why": {"get": "sees"},
    f"{DAG}/dagVersions": {"get": "sees"},
    f"{DAG}/dagVersions/<int:version_number>": {"get": "sees"},
    f"{DAG}/tasks": {"get": "sees"},
    f"{DAG}/tasks/<str:task_id>": {"get": "sees"},
    f"{DAG}/tasks/<str:task_id>/hold": {"put": "acts:mark", "delete": "acts:mark"},
    f"{DAG}/holds": {"get": "sees"},
    f"{DAG}/clearTaskInstances": {"post": "acts:clear"},
    f"{DAG}/clearDagRuns": {"post": "acts:clear"},
    f"{DAG}/dagRuns": {"get": "sees", "post": "acts:trigger", "patch": "acts:mark"},
    f"{DAG}/dagRuns/list": {"post": "sees"},
    RUN: {"get": "sees", "patch": "acts:mark", "delete": "acts:delete"},
    f"{RUN}/cancel": {"post": "acts:mark"},
    f"{RUN}/wait": {"get": "sees"},
    f"{RUN}/why": {"get": "sees"},
    f"{RUN}/compare": {"get": "sees"},
    f"{RUN}/forecast": {"get": "sees"},
    f"{RUN}/clear": {"post": "acts:clear"},
    f"{RUN}/taskGroupInstances/<str:group_id>": {"patch": "acts:mark"},
    f"{RUN}/taskGroupInstances/<str:group_id>/dry_run": {"patch": "acts:mark"},
    f"{RUN}/groupRetries": {"get": "sees"},
    f"{RUN}/taskInstances": {"get": "sees", "patch": "acts:mark"},
    f"{RUN}/taskInstances/list": {"post": "sees"},
    TASK: {"get": "sees", "patch": "acts:mark", "delete": "acts:delete"},
    f"{TASK}/dry_run": {"patch": "acts:mark"},
    f"{TASK}/dependencies": {"get": "sees"},
    f"{TASK}/hold": {"put": "acts:mark", "delete": "acts:mark"},
    f"{TASK}/listMapped": {"get": "sees"},
    f"{TASK}/tries": {"get": "sees"},
    f"{TASK}/why": {"get": "sees"},
    f"{TASK}/tries/<int:try_number>": {"get": "sees"},
    f"{TASK}/logs/<int:try_number>": {"get": "sees"},
    f"{TASK}/externalLogUrl/<int:try_number>": {"get": "sees"},
    f"{TASK}/links": {"get": "sees"},
    f"{TASK}/state-store": {"get": "sees", "delete": "acts:edit"},
    f"{TASK}/state-store/<path:key>": {"get": "sees", **dict.fromkeys(("put", "patch", "delete"), "acts:edit")},
    f"{TASK}/xcomEntries": {"get": "sees", "post": "acts:edit"},
    f"{TASK}/xcomEntries/<path:key>": {"get": "sees", **dict.fromkeys(("patch", "delete"), "acts:edit")},
    INDEXED: {"get": "sees", "patch": "acts:mark"},
    f"{INDEXED}/dry_run": {"patch": "acts:mark"},
    f"{INDEXED}/dependencies": {"get": "sees"},
    f"{DAG}/deadlineAlerts": {"get": "sees"},
    f"{RUN}/deadlines": {"get": "sees"},
    f"{RUN}/hitlDetails": {"get": "sees"},
    f"{INDEXED}/hitlDetails": {"get": "sees", "patch": "acts:answer"},
    f"{INDEXED}/hitlDetails/tries/<int:try_number>": {"get": "sees"},
    f"{INDEXED}/tries": {"get": "sees"},
    f"{INDEXED}/why": {"get": "sees"},
    f"{INDEXED}/tries/<int:try_number>": {"get": "sees"},
}

PAGE_DAG = "dags/<any:dag_id>"
PAGE_RUN = f"{PAGE_DAG}/runs/<any:run_id>"
PAGE_TASK = f"{PAGE_RUN}/tasks/<any:task_id>"
SHOWN = (
    "",
    "/rendered_templates",
    "/xcom",
    "/state-store",
    "/tries",
    "/code",
    "/details",
    "/log",
    "/log/find",
    "/log.txt",
    "/events",
    "/asset_events",
)
SHELVES = {"variables": "variable_key", "connections": "connection_id", "pools": "pool_name"}


def _task_pages(task: str) -> dict[str, dict[str, str]]:
    return {
        **{task + end: {"get": "sees"} for end in SHOWN},
        task + "/clear": {"get": "acts:clear", "post": "acts:clear"},
        task + "/required_actions": {"get": "sees", "post": "acts:answer"},
        task + "/mark": {"get": "acts:mark", "post": "acts:mark"},
        task + "/hold": {"get": "acts:mark", "post": "acts:mark"},
        task + "/note": {"get": "acts:note", "post": "acts:note"},
        task + "/delete": {"get": "acts:delete", "post": "acts:delete"},
        **{
            task + end: dict.fromkeys(("get", "post"), "acts:edit")
            for end in ("/xcom/edit", "/state-store/edit", "/state-store/clear")
        },
    }


PAGES: dict[str, dict[str, str]] = {
    "": {"get": "mine"},
    "favicon.ico": {"get": "open"},
    "sign-in": {"get": "open", "post": "open"},
    "sign-in/password": {"get": "open", "post": "open"},
    **{f"sign-in/oidc{end}": {"get": "none"} for end in ("", "/callback")},  # without a provider they are not there
    "sign-out": {"post": "mine"},
    "security/teams": {"get": "has:admin"},
    "security/teams/add": {"get": "has:admin", "post": "has:admin"},
    "security/teams/<int:team_id>": {"get": "has:admin", "post": "has:admin"},
    "security/teams/<int:team_id>/members": {"post": "has:admin"},
    "security/teams/<int:team_id>/delete": {"get": "has:admin", "post": "has:admin"},
    "undo": dict.fromkeys(("get", "post"), "mine"),
    "language": {"get": "open", "post": "open"},
    "account/password": {"get": "mine", "post": "mine"},
    "search": {"get": "lists"},
    **{name: {"get": "open"} for name in ("docs", "redoc")},
    "dags": {"get": "lists"},
    **{name: {"get": "lists"} for name in ("dag_runs", "task_instances", "timeline", "xcoms", "deadlines")},
    "as-code": {"post": "mine"},
    "bulk/<str:kind>": {"get": "has:pause", "post": "has:pause"},
    **{route: {"get": "mine"} for route in old_addresses.routes()},
    "assets": {"get": "lists"},
    "assets/graph.json": {"get": "lists"},
    "assets/<int:asset_id>": {"get": "sees"},
    "assets/<int:asset_id>/graph.json": {"get": "sees"},
    **{
        f"assets/<int:asset_id>/{end}": dict.fromkeys(("get", "post"), "acts:trigger")
        for end in ("event", "materialize")
    },
    "assets/<int:asset_id>/state-store": {"get": "sees"},
    **{
        f"assets/<int:asset_id>/state-store/{end}": dict.fromkeys(("get", "post"), "acts:edit")
        for end in ("edit", "delete")
    },
    "import-errors": {"get": "lists"},
    "required_actions": {"get": "lists"},
    "answer/<str:token>": {"get": "open", "post": "open"},
    "events": {"get": "has:read_audit"},
    "security/users": {"get": "has:admin"},
    "security/users/add": dict.fromkeys(("get", "post"), "has:admin"),
    "security/users/<int:user_id>": dict.fromkeys(("get", "post"), "has:admin"),
    "security/roles": {"get": "has:admin"},
    "security/tokens": {"get": "mine"},
    "security/tokens/add": dict.fromkeys(("get", "post"), "mine"),
    "security/tokens/revoke": {"post": "mine"},
    "failures": {"get": "lists"},
    "failures/<int:failure_id>": {"get": "sees"},
    "failures/<int:failure_id>/note": dict.fromkeys(("get", "post"), "acts:note"),
    "workers": {"get": "has:read_processes"},
    "queues/<any:queue>/uses": {"get": "has:read_processes"},
    "workers/drain": {"post": "has:edit_processes"},
    "workers/stop": dict.fromkeys(("get", "post"), "has:edit_processes"),
    "jobs": {"get": "has:read_processes"},
    "configs": {"get": "has:read_config"},
    "bundles": {"get": "has:read_bundles"},
    "bundles/<any:name>/refresh": {"post": "has:edit_bundles"},
    "plugins": {"get": "has:read_plugins"},
    "providers": {"get": "has:read_providers"},
    **{name: {"get": f"has:read_{name}"} for name in SHELVES},
    **{f"{name}/export": {"get": f"has:read_{name}"} for name in SHELVES},
    **{
        f"{name}/{end}": dict.fromkeys(("get", "post"), f"has:edit_{name}")
        for name, key in SHELVES.items()
        for end in ("add", "delete", "import", f"<any:{key}>/edit")
    },
    "webhooks": {"get": "has:edit_webhooks"},
    "webhooks/add": dict.fromkeys(("get", "post"), "has:edit_webhooks"),
    "webhooks/<str:webhook_id>": {"get": "has:edit_webhooks"},
    **{
        f"webhooks/<str:webhook_id>/{end}": dict.fromkeys(("get", "post"), "has:edit_webhooks")
        for end in ("edit", "delete")
    },
    "webhooks/<str:webhook_id>/act": {"post": "has:edit_webhooks"},
    "connections/test": {"post": "has:edit_connections"},
    "connections/<any:connection_id>/test": dict.fromkeys(("get", "post"), "has:edit_connections"),
    **{f"{name}/<any:{key}>/uses": {"get": f"has:read_{name}"} for name, key in SHELVES.items()},
    "pools/<any:pool_name>": {"get": "has:read_pools"},
    f"{PAGE_DAG}/required_actions": {"get": "sees"},
    f"{PAGE_RUN}/required_actions": {"get": "sees"},
    **_task_pages(PAGE_TASK),
    **_task_pages(f"{PAGE_TASK}/mapped/<index:map_index>"),
    f"{PAGE_TASK}/mapped": {"get": "sees"},
    PAGE_RUN: {"get": "sees"},
    f"{PAGE_RUN}/asset_events": {"get": "sees"},
    **{
        f"{PAGE_RUN}/{end}": {"get": "sees"}
        for end in ("graph", "replay", "events", "logs", "callbacks", "code", "compare", "details")
    },
    f"{PAGE_RUN}/callbacks/<int:callback_id>/log.txt": {"get": "sees"},
    **{f"{PAGE_RUN}/{end}": {"get": "sees"} for end in ("gantt", "gantt.json")},
    f"{PAGE_RUN}/groups/<any:group_id>/clear": {"get": "acts:clear", "post": "acts:clear"},
    f"{PAGE_RUN}/groups/<any:group_id>/mark": {"get": "acts:mark", "post": "acts:mark"},
    f"{PAGE_RUN}/clear": {"get": "acts:clear", "post": "acts:clear"},
    f"{PAGE_RUN}/cancel": {"get": "acts:mark", "post": "acts:mark"},
    f"{PAGE_RUN}/mark": {"get": "acts:mark", "post": "acts:mark"},
    f"{PAGE_RUN}/note": {"get": "acts:note", "post": "acts:note"},
    f"{PAGE_RUN}/delete": {"get": "acts:delete", "post": "acts:delete"},
    PAGE_DAG: {"get": "sees"},
    **{
        f"{PAGE_DAG}/{end}": {"get": "sees"}
        for end in (
            "grid.json",
            "grid/mapped.json",
            "grid/instance.json",
            "graph.json",
            "graph",
            "runs",
            "tasks",
            "code",
            "versions",
            "details",
            "calendar",
            "overview",
            "schedule",
            "tasks/<any:task_id>",
        )
    },
    f"{PAGE_DAG}/code/edit": {"get": "acts:edit_code", "post": "acts:edit_code"},
    f"{PAGE_DAG}/backfills": {"get": "sees"},
    f"{PAGE_DAG}/backfill": {"get": "acts:trigger", "post": "acts:trigger"},
    **{f"{PAGE_DAG}/backfills/<int:backfill_id>/{end}": {"post": "acts:trigger"} for end in ("pause", "unpause")},
    f"{PAGE_DAG}/backfills/<int:backfill_id>/cancel": {"get": "acts:trigger", "post": "acts:trigger"},
    f"{PAGE_DAG}/favorite": {"post": "acts:star"},
    f"{PAGE_DAG}/pause": {"post": "acts:pause"},
    f"{PAGE_DAG}/reparse": {"post": "acts:edit"},
    f"{PAGE_DAG}/delete": {"get": "acts:delete", "post": "acts:delete"},
    f"{PAGE_DAG}/trigger": {"get": "acts:trigger", "post": "acts:trigger"},
}

CATCH_ALL = "^(?:api|auth)/"
"""Answers 404 to everybody."""


def all_routes() -> list[str]:
    """Return every route of the project outside the admin, as the resolver has them."""
    return sorted(set(_routes(get_resolver().url_patterns, "")))


def admin_routes() -> list[str]:
    """Return every route of the admin, whatever made it."""
    return sorted(set(_routes(admin.site.get_urls(), "admin/")))


def _routes(patterns: list[Any], before: str) -> list[str]:
    found: list[str] = []
    for each in patterns:
        text = before + str(each.pattern)
        if isinstance(each, URLResolver):
            if each.app_name != "admin":
                found += _routes(each.url_patterns, text)
        elif isinstance(each, URLPattern):
            found.append(text)
    return found
