"""Addresses of the REST API: Airflow 3's."""

from __future__ import annotations

from django.urls import path, re_path, register_converter

from .errors import not_found
from .views.dags import DagsView, DagView
from .views.logs import LogsView
from .views.monitor import HealthView, VersionView
from .views.runs import RunsView, RunView
from .views.task_instances import MappedView, TaskInstancesView, TaskInstanceView, XComsView, XComView
from .views.tokens import CliTokenView, TokenView


class MapIndex:
    """-1 or more."""

    regex = r"-?\d{1,9}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(MapIndex, "index")

DAG = "api/v2/dags/<str:dag_id>"
RUN = DAG + "/dagRuns/<str:run_id>"
TASK = RUN + "/taskInstances/<str:task_id>"

urlpatterns = [
    path("auth/token", TokenView.as_view()),
    path("auth/token/cli", CliTokenView.as_view()),
    path("api/v2/monitor/health", HealthView.as_view(), name="health"),
    path("api/v2/version", VersionView.as_view()),
    path("api/v2/dags", DagsView.as_view()),
    path(DAG, DagView.as_view()),
    path(DAG + "/dagRuns", RunsView.as_view()),
    path(RUN, RunView.as_view()),
    path(RUN + "/taskInstances", TaskInstancesView.as_view()),
    path(TASK, TaskInstanceView.as_view()),
    path(TASK + "/listMapped", MappedView.as_view()),
    path(TASK + "/logs/<int:try_number>", LogsView.as_view()),
    path(TASK + "/xcomEntries", XComsView.as_view()),
    path(TASK + "/xcomEntries/<path:key>", XComView.as_view()),
    path(TASK + "/<index:map_index>", TaskInstanceView.as_view()),
    re_path(r"^(?:api|auth)/", not_found),
]
