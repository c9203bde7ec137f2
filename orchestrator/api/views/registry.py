"""What DAGs share: pools, variables, connections. Secrets can be written here, and are never shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from dags_app.models import AuditEntry, Connection, Dag, Pool, Variable
from orchestrator.api import bulk, shapes
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, any_json, boolean, limited_text, masked, read_body, reads, text, whole_number
from orchestrator.api.errors import BadRequest, Conflict, Invalid, problem
from orchestrator.api.query import Listing, large_int, order_of, read_time
from orchestrator.api.scope import must
from runs_app import registry

KEY = limited_text(250, r"[^\x00-\x1f]+")
LONG = limited_text(65_536, least=0)


def variable_value(name: str, value: Any) -> str:
    """Read a variable's value: a text as it is, any other JSON but null as its text."""
    if value is None:
        return text(name, value)
    return LONG(name, value if isinstance(value, str) else json.dumps(any_json(name, value)))


@reads({"type": "string", "maxLength": 65_536})
def extra(name: str, value: Any) -> str:
    """Read a connection's extra: an object in JSON, nothing, or what is shown in its place."""
    found = LONG(name, value)
    if found in ("", shapes.MASK):
        return found
    try:
        is_object = isinstance(json.loads(found), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        # What was sent is not repeated: it may be a secret.
        raise Invalid(problem("body", name, 'The `extra` field must be a valid JSON object, e.g. {"key": "value"}'))
    return found


@reads({"type": "integer", "minimum": -1})
def slots(name: str, value: Any) -> int:
    """Read the size of a pool; -1 is without a limit."""
    found = whole_number(name, value)
    if found < -1:
        message = "Input should be greater than or equal to -1"
        raise Invalid(problem("body", name, message, found, "greater_than_equal"))
    return found


POOL = {
    "name": Part(KEY, required=True, nullable=False),
    "slots": Part(slots, required=True, nullable=False),
    "description": Part(LONG),
    "include_deferred": Part(boolean, default=False, nullable=False),
    "rate_per_minute": Part(whole_number),
    "team_name": Part(text),
}
POOL_PATCH = {
    "pool": Part(text),
    "name": Part(text),
    "slots": Part(slots, nullable=False),
    "description": Part(LONG),
    "include_deferred": Part(boolean, nullable=False),
    "rate_per_minute": Part(whole_number),
    "team_name": Part(text),
}
VARIABLE = {
    "key": Part(KEY, required=True, nullable=False),
    "value": Part(variable_value, required=True, nullable=False),
    "description": Part(LONG),
    "team_name": Part(text),
}
CONNECTION = {
    "connection_id": Part(limited_text(200, r"[\w.\-]+"), required=True, nullable=False),
    "conn_type": Part(limited_text(500), required=True, nullable=False),
    "description": Part(LONG),
    "host": Part(limited_text(500, least=0)),
    "login": Part(limited_text(500, least=0)),
    "schema": Part(limited_text(500, least=0)),
    "port": Part(whole_number),
    "password": Part(LONG),
    "extra": Part(extra),
    "team_name": Part(text),
}

POOLS = Listing(
    order=order_of("name", "slots", "description", "include_deferred", id="name", pool="name"),
    default_order=("name",),
    patterns={"pool_name": "name"},
)
VARIABLES = Listing(
    # Every value is encrypted and no team has its own, so that those two say nothing of the order.
    order=order_of("key", "description", id="key", is_encrypted="key", team_name="key"),
    default_order=("key",),
    patterns={"variable_key": "key"},
)
CONNECTIONS = Listing(
    order=order_of("conn_id", "conn_type", "description", "host", "port", id="conn_id", connection_id="conn_id"),
    default_order=("conn_id",),
    patterns={"connection_id": "conn_id"},
)
EVENTS = Listing(
    order=order_of(
        "dag_id",
        "task_id",
        "run_id",
        "event",
        "map_index",
        event_log_id="pk",
        id="pk",
        when="at",
        dttm="at",
        owner="actor",
        extra="extra",
        logical_date="at",
    ),
    default_order=("-at",),
    exact={
        **{name: name for name in ("dag_id", "task_id", "run_id", "map_index", "event")},
        "owner": "actor",
        "included_events": "event",
    },
    convert={"map_index": large_int},
    unknown=("try_number",),
    patterns={"dag_id": "dag_id", "task_id": "task_id", "run_id": "run_id", "owner": "actor", "event": "event"},
)


def found(rows: Any, key: str, what: str) -> Any:
    """Return the row of this primary key.

    Raises:
        Http404: there is none.
    """
    row = rows.filter(pk=key).first()
    if row is None:
        raise Http404(what)
    return row


def same(name: str, sent: Any, key: str) -> None:
    """Refuse a body that names another object than its address does."""
    if sent is not None and sent != key:
        raise BadRequest(f"Invalid body, {name} from request body doesn't match uri parameter")


class PoolsView(ApiView):
    """GET and POST /api/v2/pools."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_pools")
        page, total = POOLS.page(Pool.objects.all(), request.GET)
        return Response({"pools": pools(list(page.values())), "total_entries": total})

    def post(self, request: Request) -> Response:
        must(request.user, "edit_pools")
        values = read_body(request, POOL)
        if Pool.objects.filter(pk=values["name"]).exists():
            raise Conflict(f"The Pool with name: `{values['name']}` already exists")
        save_pool(request.user, values["name"], values, new=True)
        return Response(pool(values["name"]), status=201)

    def patch(self, request: Request) -> Response:
        """Make, change and delete many."""
        must(request.user, "edit_pools")
        user = request.user
        shelf = bulk.Shelf(
            POOL,
            "name",
            "pools with these pool names",
            lambda names: set(Pool.objects.filter(pk__in=names).values_list("pk", flat=True)),
            lambda name, values, new: save_pool(user, name, values, new=new),
            lambda name: registry.delete_pool(name, user=user),
        )
        return Response(bulk.answer(bulk.read(request, POOL), shelf.do))


class PoolView(ApiView):
    """GET, PATCH and DELETE /api/v2/pools/{pool_name}."""

    def get(self, request: Request, pool_name: str) -> Response:
        must(request.user, "read_pools")
        return Response(pool(pool_name))

    def patch(self, request: Request, pool_name: str) -> Response:
        must(request.user, "edit_pools")
        pool(pool_name)
        values = read_body(request, POOL_PATCH, partial=True)
        check_whole(pool_name, values)
        for name in ("pool", "name"):
            same("pool name", values.get(name), pool_name)
        save_pool(request.user, pool_name, masked(request, values), new=False)
        return Response(pool(pool_name))

    def delete(self, request: Request, pool_name: str) -> Response:
        must(request.user, "edit_pools")
        if not registry.delete_pool(pool_name, user=request.user):
            raise Http404(f"The Pool with name: `{pool_name}` was not found")
        return Response(status=204)


def check_whole(name: str, sent: Mapping[str, Any]) -> None:
    """Refuse a change that does not say the whole pool, as Airflow does with a mask and without one.

    What works here would not there: half a pool comes from a script that has lost the other half.
    """
    known = {*sent, *(("pool",) if "name" in sent or name == registry.DEFAULT_POOL else ())}
    if missing := [each for each in ("pool", "slots", "include_deferred") if each not in known]:
        raise Invalid(*(problem("body", each, "Field required", dict(sent), "missing") for each in missing))


POOL_FIELDS = ("slots", "description", "include_deferred", "rate_per_minute")


def save_pool(user: Any, name: str, values: Mapping[str, Any], *, new: bool) -> None:
    """Store what was sent of a pool."""
    kept = {field: each for field, each in values.items() if field in POOL_FIELDS}
    if name == registry.DEFAULT_POOL and "description" in kept:
        raise BadRequest("Only slots and include_deferred can be modified on Default Pool")
    if "description" in kept:
        kept["description"] = kept["description"] or ""
    registry.save_pool(name, kept, new=new, user=user)


def pools(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    used = registry.pool_use([row["name"] for row in rows])
    return [shapes.pool(row, used.get(row["name"], {})) for row in rows]


def pool(name: str) -> dict[str, Any]:
    return pools([found(Pool.objects.values(), name, f"The Pool with name: `{name}` was not found")])[0]


class VariablesView(ApiView):
    """GET and POST /api/v2/variables."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_variables")
        page, total = VARIABLES.page(Variable.objects.all(), request.GET)
        return Response({"variables": [shapes.variable(row) for row in page.values()], "total_entries": total})

    def post(self, request: Request) -> Response:
        must(request.user, "edit_variables")
        values = read_body(request, VARIABLE)
        if Variable.objects.filter(pk=values["key"]).exists():
            raise Conflict(f"The Variable with key: `{values['key']}` already exists")
        save_variable(request.user, values["key"], values, new=True)
        return Response(variable(values["key"]), status=201)

    def patch(self, request: Request) -> Response:
        """Make, change and delete many."""
        must(request.user, "edit_variables")
        user = request.user
        shelf = bulk.Shelf(
            VARIABLE,
            "key",
            "variables with these keys",
            lambda keys: set(Variable.objects.filter(pk__in=keys).values_list("pk", flat=True)),
            lambda key, values, new: save_variable(user, key, values, new=new),
            lambda key: registry.delete_variable(key, user=user),
        )
        return Response(bulk.answer(bulk.read(request, VARIABLE), shelf.do))


class VariableView(ApiView):
    """GET, PATCH and DELETE /api/v2/variables/{variable_key}."""

    def get(self, request: Request, variable_key: str) -> Response:
        must(request.user, "read_variables")
        return Response(variable(variable_key))

    def patch(self, request: Request, variable_key: str) -> Response:
        must(request.user, "edit_variables")
        variable(variable_key)
        values = read_body(request, {**VARIABLE, "key": Part(text, required=True, nullable=False)}, partial=True)
        same("key", values.get("key"), variable_key)
        save_variable(request.user, variable_key, masked(request, values), new=False)
        return Response(variable(variable_key))

    def delete(self, request: Request, variable_key: str) -> Response:
        must(request.user, "edit_variables")
        if not registry.delete_variable(variable_key, user=request.user):
            raise Http404(f"The Variable with key: `{variable_key}` was not found")
        return Response(status=204)


def save_variable(user: Any, key: str, values: Mapping[str, Any], *, new: bool) -> None:
    """Store what was sent of a variable."""
    kept = {name: each for name, each in values.items() if name in ("value", "description")}
    registry.save_variable(key, kept, new=new, user=user)


def variable(key: str) -> dict[str, Any]:
    return shapes.variable(found(Variable.objects.values(), key, f"The Variable with key: `{key}` was not found"))


class ConnectionsView(ApiView):
    """GET and POST /api/v2/connections."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_connections")
        page, total = CONNECTIONS.page(Connection.objects.all(), request.GET)
        return Response({"connections": [shapes.connection(row) for row in page.values()], "total_entries": total})

    def post(self, request: Request) -> Response:
        must(request.user, "edit_connections")
        values = read_body(request, CONNECTION)
        conn_id = values["connection_id"]
        if Connection.objects.filter(pk=conn_id).exists():
            raise Conflict(f"The Connection with connection_id: `{conn_id}` already exists")
        registry.save_connection(conn_id, stored_fields(values), new=True, user=request.user)
        return Response(connection(conn_id), status=201)

    def patch(self, request: Request) -> Response:
        """Make, change and delete many."""
        must(request.user, "edit_connections")
        user = request.user
        shelf = bulk.Shelf(
            CONNECTION,
            "connection_id",
            "connections with these connection_ids",
            lambda ids: set(Connection.objects.filter(pk__in=ids).values_list("pk", flat=True)),
            lambda name, values, new: registry.save_connection(name, stored_fields(values), new=new, user=user),
            lambda name: registry.delete_connection(name, user=user),
        )
        return Response(bulk.answer(bulk.read(request, CONNECTION), shelf.do))


class ConnectionView(ApiView):
    """GET, PATCH and DELETE /api/v2/connections/{connection_id}."""

    def get(self, request: Request, connection_id: str) -> Response:
        must(request.user, "read_connections")
        return Response(connection(connection_id))

    def patch(self, request: Request, connection_id: str) -> Response:
        must(request.user, "edit_connections")
        connection(connection_id)
        values = read_body(request, CONNECTION, partial=True)
        same("connection_id", values.get("connection_id"), connection_id)
        values = stored_fields(masked(request, values))
        registry.save_connection(connection_id, values, new=False, user=request.user)
        return Response(connection(connection_id))

    def delete(self, request: Request, connection_id: str) -> Response:
        must(request.user, "edit_connections")
        if not registry.delete_connection(connection_id, user=request.user):
            raise Http404(f"The Connection with connection_id: `{connection_id}` was not found")
        return Response(status=204)


def stored_fields(values: dict[str, Any]) -> dict[str, Any]:
    """What is stored; a secret that comes back as it was shown (``***``) is the old one, not a new one."""
    return {
        name: each
        for name, each in values.items()
        if name not in ("connection_id", "team_name") and not (name in ("password", "extra") and each == shapes.MASK)
    }


def connection(conn_id: str) -> dict[str, Any]:
    rows = Connection.objects.values()
    return shapes.connection(found(rows, conn_id, f"The Connection with connection_id: `{conn_id}` was not found"))


class EventLogsView(ApiView):
    """GET /api/v2/eventLogs: who did what."""

    def get(self, request: Request) -> Response:
        must(request.user, "read_audit")
        rows = AuditEntry.objects.exclude(event__in=request.GET.getlist("excluded_events"))
        for name, comparison in (("before", "lte"), ("after", "gte")):
            if (text := request.GET.get(name)) is not None:
                rows = rows.filter(**{f"at__{comparison}": read_time("query", name, text)})
        page, total = EVENTS.page(rows, request.GET)
        return Response(
            {
                "event_logs": [
                    shapes.event_log(row) for row in page.values("pk", *EVENT_FIELDS, dag_display_name=DAG_NAME)
                ],
                "total_entries": total,
            }
        )


class EventLogView(ApiView):
    """GET /api/v2/eventLogs/{event_log_id}."""

    def get(self, request: Request, event_log_id: int) -> Response:
        must(request.user, "read_audit")
        rows = AuditEntry.objects.values("pk", *EVENT_FIELDS, dag_display_name=DAG_NAME)
        missing = f"The Event Log with id: `{event_log_id}` not found"
        return Response(shapes.event_log(found(rows, event_log_id if event_log_id < 2**63 else 0, missing)))


DAG_NAME = Subquery(
    Dag.objects.filter(pk=OuterRef("dag_id")).values(name=Coalesce(NullIf("display_name", Value("")), "dag_id"))[:1]
)
EVENT_FIELDS = ("at", "actor", "event", "dag_id", "run_id", "task_id", "map_index", "extra")
