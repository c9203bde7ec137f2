"""What a list shows, as a query of the API: its filters, its order and its page in the API's names."""

from __future__ import annotations

from datetime import UTC

from django.http import HttpRequest

from . import zones
from .as_code import Call, Client, host_of, texts
from .dag_filters import DagFilters
from .filters import Filters, Shown
from .paging import Chunk

Query = list[tuple[str, str]]
LISTS = {
    "runs": ("/dagRuns", "DagRunApi", "get_dag_runs"),
    "instances": ("/dagRuns/~/taskInstances", "TaskInstanceApi", "get_task_instances"),
}
PATTERNS = {"pool": "pool_name", "queue": "queue_name", "operator": "operator_name", "task_id": "task_display_name"}
"""Names of filters by a pattern, where the API has others."""
NOT_OF_THE_API = {"hostname"}


def of_list(request: HttpRequest, kind: str, filters: Filters, chunk: Chunk, sort: str) -> list[tuple[str, str]]:
    """The lines for a list over all DAGs; none where the API lacks one of its filters."""
    if kind not in LISTS:
        return []
    end, api, method = LISTS[kind]
    query: Query = []
    for each in filters.fields:
        found = _filter(each, filters, filters.query.getlist(each.filter.name))
        if found is None:
            return []
        query += found
    query += [("order_by", sort), ("limit", str(min(chunk.limit, 100))), ("offset", str(chunk.begin - 1))]
    arguments = ("~",) if kind == "runs" else ("~", "~")
    call = Call("GET", f"/api/v2/dags/~{end}", query=tuple(query), client=Client(api, method, arguments))
    return texts([call], host_of(request))


def _filter(each: Shown, filters: Filters, exact: list[str]) -> Query | None:
    """One filter as the API's parameters; None where it has none like it."""
    name, kind = each.filter.name, each.filter.kind
    is_used = bool(each.value or each.since or each.until or any(exact))
    if not is_used:
        return []
    if name in NOT_OF_THE_API:
        return None
    if kind == "choice":
        return [(name, value) for value in each.chosen]
    if kind == "text":
        how = "_pattern" if filters.anywhere else "_prefix_pattern"
        found = [(PATTERNS.get(name, name) + how, each.value)] if each.value else []
        # What is exact on the page is as near as the API comes by a pattern.
        return found + [(f"{PATTERNS.get(name, name)}_prefix_pattern", value) for value in exact if value]
    if kind == "number":
        return [(name, each.since)] if each.since == each.until else None
    ends = (("gte", each.since), ("lte", each.until))
    return [(f"{name}_{end}", _bound(kind, text, filters)) for end, text in ends if text]


def _bound(kind: str, text: str, filters: Filters) -> str:
    if kind != "time":
        return text
    try:
        return zones.read(text, filters.zone).astimezone(UTC).isoformat().replace("+00:00", "Z")
    except ValueError:
        return text


def of_dags(request: HttpRequest, filters: DagFilters, chunk: Chunk, sort: str) -> list[tuple[str, str]]:
    """The lines for the list of DAGs; none where it is filtered by what the API cannot be asked for."""
    if filters.folder or filters.gone or "needs_review" in filters.on or request.GET.get("state"):
        return []
    query: Query = [("tags", tag) for tag in filters.tags] + [("owners", owner) for owner in filters.owners]
    query += [("tags_match_mode", "all" if filters.all_tags else "any")] if filters.tags else []
    query += [("last_dag_run_state", state) for state in filters.last_states]
    if filters.any_states:
        return []
    if filters.text:
        query.append(("dag_id_prefix_pattern" if filters.begins else "dag_id_pattern", filters.text))
    if request.GET.get("paused") in {"true", "false"}:
        query.append(("paused", request.GET["paused"]))
    query += [(name, "true") for name, on in API_SWITCHES if on in filters.on]
    query += [("order_by", sort), ("limit", str(min(chunk.limit, 100))), ("offset", str(chunk.begin - 1))]
    return texts(
        [Call("GET", "/api/v2/dags", query=tuple(query), client=Client("DAGApi", "get_dags"))], host_of(request)
    )


API_SWITCHES = (("is_favorite", "favorite"), ("has_import_errors", "import_errors"))
