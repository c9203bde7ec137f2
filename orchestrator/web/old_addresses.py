"""Addresses of Airflow 2, and those of Airflow 3 that go by another name here: old mails and bookmarks go on working.

One table: a route, and a function from what its path and query say to the address of now. Nothing is looked up here
but the run of an execution date, among those that the reader may see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse


@dataclass(frozen=True)
class Asked:
    """An old address taken apart. ``run_of`` finds the id of a DAG's run by its date, as the query wrote it."""

    path: Mapping[str, str]
    query: QueryDict
    run_of: Callable[[str, str], str] = field(default=lambda dag_id, date: "")

    def one(self, *names: str) -> str:
        """The first of these that path or query has."""
        found = (self.path.get(name) or self.query.get(name) for name in names)
        return next((str(each).replace("\0", "") for each in found if each), "")

    @property
    def dag_id(self) -> str:
        return self.one("dag_id")

    @property
    def run_id(self) -> str:
        date = self.one("execution_date", "logical_date")
        return self.one("dag_run_id", "run_id") or (self.run_of(self.dag_id, date) if date and self.dag_id else "")


To = Callable[[Asked], str]

RUN_TABS = {
    "graph": "run-graph",
    "gantt": "run-gantt",
    "code": "run-code",
    "details": "run-details",
    "audit_log": "run-events",
}
DAG_TABS = {"graph": "graph", "calendar": "calendar", "code": "code", "details": "details", "dag_details": "details"}
TASK_TABS = {
    "xcom": "task-xcom",
    "rendered": "task-rendered",
    "rendered-templates": "task-rendered",
    "details": "task-details",
    "code": "task-code",
}


def place(asked: Asked, tab: str = "") -> str:
    """The page of what is named most closely: a task of a run, a run, a task over its runs, a DAG, or the list."""
    dag_id, run_id, task_id = asked.dag_id, asked.run_id, asked.one("task_id")
    tab = tab or asked.one("tab")
    if not dag_id:
        return reverse("dags")
    if run_id and task_id:
        index = asked.one("map_index")
        mapped = index.isdecimal()
        name = TASK_TABS.get(tab, "task") + ("-mapped" if mapped else "")
        address = reverse(name, args=[dag_id, run_id, task_id, *([int(index)] if mapped else [])])
        number = asked.one("try_number")
        return f"{address}?try_number={number}" if number.isdecimal() and name.startswith("task") else address
    if run_id:
        return reverse(RUN_TABS.get(tab, "run"), args=[dag_id, run_id])
    if task_id:
        return reverse("dag-task", args=[dag_id, task_id])
    return reverse(DAG_TABS.get(tab, "dag"), args=[dag_id])


def at(tab: str) -> To:
    return lambda asked: place(asked, tab)


def mark(asked: Asked) -> str:
    """The link of failure mails that marks a task: it asks first, as it did."""
    if not (asked.dag_id and asked.run_id and asked.one("task_id")):
        return place(asked)
    index = asked.one("map_index")
    mapped = index.isdecimal()
    args = [asked.dag_id, asked.run_id, asked.one("task_id"), *([int(index)] if mapped else [])]
    state = asked.one("state") or "success"
    scope = {name: "on" for name in ("upstream", "downstream") if asked.one(name) == "true"}
    return f"{reverse('task-mark-mapped' if mapped else 'task-mark', args=args)}?{urlencode({'set': 1, 'state': state, **scope})}"


def filtered(name: str, **renamed: str) -> To:
    """A list, with the filters that Flask-AppBuilder wrote as ``_flt_3_dag_id=x`` (0 begins, 2 contains, 3 equals)."""

    def to(asked: Asked) -> str:
        kept: dict[str, str] = {}
        for key, value in asked.query.items():
            column = key.split("_", 3)[-1] if key.startswith("_flt_") else key
            if value and (column := renamed.get(column, column)) in KEPT:
                kept[column] = str(value)
        return f"{reverse(name)}?{urlencode(kept)}" if kept else reverse(name)

    return to


KEPT = frozenset({"dag_id", "run_id", "task_id", "state", "run_type", "pool", "queue", "operator", "key", "map_index"})


def home(asked: Asked) -> str:
    """Airflow 2's list of DAGs."""
    paused = {"paused": "true", "active": "false"}.get(asked.one("status"))
    values = [("tags", each) for each in asked.query.getlist("tags")]
    values += [("q", asked.one("search"))] if asked.one("search") else []
    values += [("paused", paused)] if paused else []
    return f"{reverse('dags')}?{urlencode(values)}" if values else reverse("dags")


def to(name: str, *parts: str) -> To:
    """A page by its name, with these parts of the old path."""
    return lambda asked: reverse(name, args=[asked.path[part] for part in parts])


def group(asked: Asked) -> str:
    """A task group of a run: its task instances."""
    named = {"dag_id": asked.path["dag_id"], "run_id": asked.path["run_id"], "task_group_id": asked.path["group_id"]}
    return f"{reverse('task-instances')}?{urlencode(named)}"


DAG = "dags/<any:dag_id>"
RUN = DAG + "/runs/<any:run_id>"
TASK = RUN + "/tasks/<any:task_id>"

VERSION_2: dict[str, To] = {
    "home": home,
    "login": lambda asked: reverse("home"),
    **{f"{DAG}/{view}": place for view in ("grid", "tree", "duration", "tries", "landing-times", "dag-details")},
    f"{DAG}/gantt": at("gantt"),
    **{view: place for view in ("grid", "tree", "duration", "tries", "landing_times", "task", "log")},
    **{view: at(view) for view in ("graph", "gantt", "calendar", "code", "dag_details", "rendered-templates", "xcom")},
    f"{DAG}/events": lambda asked: (
        f"{reverse('events')}?{urlencode({'dag_id': asked.path['dag_id']})}"
    ),  # version 3's, too
    "confirm": mark,
    "success": mark,
    "taskinstance/list": filtered("task-instances"),
    "dagrun/list": filtered("dag-runs"),
    "xcom/list": filtered("xcoms", dag_run_id="run_id"),
    "slamiss/list": filtered("deadlines"),
    "datasets": to("assets"),
    "log/list": filtered("events"),
    "variable/list": to("variables"),
    "connection/list": to("connections"),
    "pool/list": to("pools"),
    "job/list": to("jobs"),
    "users/list": to("users"),
    "roles/list": to("roles"),
    "plugin": to("plugins"),
    "provider": to("providers"),
    "configuration": to("configs"),
    "cluster_activity": to("home"),
}
"""Asked for with and without a slash at the end: version 2 wrote both."""

VERSION_3: dict[str, To] = {
    f"{TASK}/task-state-store": to("task-store", "dag_id", "run_id", "task_id"),
    f"{RUN}/tasks/group/<any:group_id>": group,
    f"{DAG}/tasks/group/<any:group_id>": lambda asked: (
        f"{reverse('dag-tasks', args=[asked.path['dag_id']])}?{urlencode({'task_group_id': asked.path['group_id']})}"
    ),
}


def version_2() -> dict[str, To]:
    """Route -> where it leads, each with and without a slash at its end."""
    return VERSION_2 | {f"{route}/": to for route, to in VERSION_2.items()}


def routes() -> list[str]:
    """Every old route."""
    return [*VERSION_3, *version_2()]
