"""Addresses of the REST API: Airflow 3's."""

from __future__ import annotations

from django.urls import path, re_path

import orchestrator.converters  # noqa: F401  registers <index:...>

from .misfits import Misfits
from .views.asset_store import AssetStoreKeyView, AssetStoreView
from .views.assets import (
    AliasesView,
    AliasView,
    AssetEventsView,
    AssetsView,
    AssetView,
    MaterializeView,
    QueuedOfAssetView,
    QueuedOfDagView,
    QueuedView,
    UpstreamEventsView,
)
from .views.backfills import (
    BackfillsView,
    BackfillView,
    CancelBackfillView,
    DryRunBackfillView,
    PauseBackfillView,
    UnpauseBackfillView,
)
from .views.clear_runs import ClearRunsView
from .views.compare import CompareView
from .views.connection_tests import DefaultConnectionsView, EnqueueTestView, TestConnectionView
from .views.dag_stats import DagStatsView
from .views.dag_warnings import DagWarningsView
from .views.dags import DagDetailsView, DagsView, DagTagsView, DagView
from .views.deadlines import DeadlineAlertsView, DeadlinesView
from .views.dependencies import DependenciesView
from .views.document import DocumentView
from .views.events import EventsView
from .views.favorites import FavoriteView, UnfavoriteView
from .views.forecast import ForecastView
from .views.group_retries import GroupRetriesView
from .views.hitl import HITLDetailsView, HITLDetailTryView, HITLDetailView
from .views.holds import HoldsView, HoldTaskView
from .views.import_errors import ImportErrorsView, ImportErrorView
from .views.installation import ConfigValueView, ConfigView, ConnectionTypesView, JobsView, ProvidersView
from .views.links import LinksView
from .views.logs import ExternalLogView, LogsView
from .views.monitor import HealthView, VersionView
from .views.next_runs import NextRunsView
from .views.parsing import ParseFileView
from .views.partitions import ClearPartitionsView
from .views.plugins import PluginErrorsView, PluginsView
from .views.registry import (
    ConnectionsView,
    ConnectionView,
    EventLogsView,
    EventLogView,
    PoolsView,
    PoolView,
    VariablesView,
    VariableView,
)
from .views.runs import CancelRunView, ClearRunView, RunsListView, RunsView, RunView
from .views.sources import SourceView, TasksView, TaskView, VersionOfDagView, VersionsView
from .views.state_store import StateStoreKeyView, StateStoreView
from .views.task_instances import (
    ClearView,
    DryRunView,
    MappedView,
    TaskGroupDryRunView,
    TaskGroupView,
    TaskInstancesListView,
    TaskInstancesView,
    TaskInstanceView,
    TriesView,
    WholeTaskView,
)
from .views.tokens import CliTokenView, LoginView, LogoutView, TokenView
from .views.waiting import WaitView
from .views.webhooks import (
    DeliveriesView,
    ResendView,
    WebhookSecretView,
    WebhooksView,
    WebhookTestView,
    WebhookView,
)
from .views.whoami import WhoamiView
from .views.why import DagWhyView, RunWhyView, TaskWhyView
from .views.xcoms import XComsView, XComView

DAG = "api/v2/dags/<str:dag_id>"
RUN = DAG + "/dagRuns/<str:run_id>"
TASK = RUN + "/taskInstances/<str:task_id>"
WEBHOOK = "api/v2/webhooks/<str:webhook_id>"

urlpatterns = [
    # First, since programs ask for it most: on the way past all the others a trigger lost a twentieth of its time.
    path(DAG + "/dagRuns", RunsView.as_view()),
    path("openapi.json", DocumentView.as_view(), name="openapi"),
    path("auth/token", TokenView.as_view()),
    path("auth/token/cli", CliTokenView.as_view()),
    path("api/v2/auth/login", LoginView.as_view()),
    path("api/v2/auth/logout", LogoutView.as_view()),
    path("api/v2/monitor/health", HealthView.as_view(), name="health"),
    path("api/v2/version", VersionView.as_view()),
    path("api/v2/whoami", WhoamiView.as_view()),
    path("api/v2/webhooks", WebhooksView.as_view()),
    path(WEBHOOK, WebhookView.as_view()),
    path(WEBHOOK + "/secret", WebhookSecretView.as_view()),
    path(WEBHOOK + "/test", WebhookTestView.as_view()),
    path(WEBHOOK + "/deliveries", DeliveriesView.as_view()),
    path(WEBHOOK + "/deliveries/<str:delivery_id>/resend", ResendView.as_view()),
    path("api/v2/dags", DagsView.as_view()),
    path("api/v2/dagStats", DagStatsView.as_view()),
    path("api/v2/dagTags", DagTagsView.as_view()),
    path("api/v2/dagSources/<str:dag_id>", SourceView.as_view()),
    path("api/v2/backfills", BackfillsView.as_view()),
    path("api/v2/backfills/dry_run", DryRunBackfillView.as_view()),
    path("api/v2/backfills/<int:backfill_id>", BackfillView.as_view()),
    path("api/v2/backfills/<int:backfill_id>/pause", PauseBackfillView.as_view()),
    path("api/v2/backfills/<int:backfill_id>/unpause", UnpauseBackfillView.as_view()),
    path("api/v2/backfills/<int:backfill_id>/cancel", CancelBackfillView.as_view()),
    path("api/v2/dagWarnings", DagWarningsView.as_view()),
    path("api/v2/importErrors", ImportErrorsView.as_view()),
    path("api/v2/importErrors/<int:import_error_id>", ImportErrorView.as_view()),
    path("api/v2/events", EventsView.as_view()),
    path("api/v2/eventLogs", EventLogsView.as_view()),
    path("api/v2/eventLogs/<int:event_log_id>", EventLogView.as_view()),
    path("api/v2/assets/<int:asset_id>/state-store", AssetStoreView.as_view()),
    path("api/v2/assets/<int:asset_id>/state-store/<path:key>", AssetStoreKeyView.as_view()),
    path("api/v2/jobs", JobsView.as_view()),
    path("api/v2/providers", ProvidersView.as_view()),
    path("api/v2/connectionTypes", ConnectionTypesView.as_view()),
    path("api/v2/config", ConfigView.as_view()),
    path("api/v2/config/section/<str:section>/option/<str:option>", ConfigValueView.as_view()),
    path("api/v2/parseDagFile/<str:file_token>", ParseFileView.as_view()),
    path("api/v2/plugins", PluginsView.as_view()),
    path("api/v2/plugins/importErrors", PluginErrorsView.as_view()),
    path("api/v2/pools", PoolsView.as_view()),
    path("api/v2/pools/<path:pool_name>", PoolView.as_view()),
    path("api/v2/variables", VariablesView.as_view()),
    path("api/v2/variables/<path:variable_key>", VariableView.as_view()),
    path("api/v2/connections", ConnectionsView.as_view()),
    path("api/v2/connections/test", TestConnectionView.as_view(), {"connection_id": "test"}),
    path("api/v2/connections/enqueue-test", EnqueueTestView.as_view(), {"connection_id": "enqueue-test"}),
    path("api/v2/connections/defaults", DefaultConnectionsView.as_view(), {"connection_id": "defaults"}),
    path("api/v2/connections/<str:connection_id>", ConnectionView.as_view()),
    path("api/v2/assets", AssetsView.as_view()),
    path("api/v2/assets/aliases", AliasesView.as_view()),
    path("api/v2/assets/aliases/<int:asset_alias_id>", AliasView.as_view()),
    path("api/v2/assets/events", AssetEventsView.as_view()),
    path("api/v2/assets/<int:asset_id>", AssetView.as_view()),
    path("api/v2/assets/<int:asset_id>/materialize", MaterializeView.as_view()),
    path("api/v2/assets/<int:asset_id>/queuedEvents", QueuedOfAssetView.as_view()),
    path(DAG, DagView.as_view()),
    path(DAG + "/clearPartitions", ClearPartitionsView.as_view()),
    path(DAG + "/assets/queuedEvents", QueuedOfDagView.as_view()),
    path(DAG + "/assets/<int:asset_id>/queuedEvents", QueuedView.as_view()),
    path(DAG + "/details", DagDetailsView.as_view()),
    path(DAG + "/favorite", FavoriteView.as_view()),
    path(DAG + "/unfavorite", UnfavoriteView.as_view()),
    path(DAG + "/nextRuns", NextRunsView.as_view()),
    path(DAG + "/why", DagWhyView.as_view()),
    path(DAG + "/dagVersions", VersionsView.as_view()),
    path(DAG + "/dagVersions/<int:version_number>", VersionOfDagView.as_view()),
    path(DAG + "/tasks", TasksView.as_view()),
    path(DAG + "/tasks/<str:task_id>", TaskView.as_view()),
    path(DAG + "/tasks/<str:task_id>/hold", HoldTaskView.as_view()),
    path(DAG + "/holds", HoldsView.as_view()),
    path(DAG + "/clearTaskInstances", ClearView.as_view()),
    path(DAG + "/clearDagRuns", ClearRunsView.as_view()),
    path(DAG + "/dagRuns/list", RunsListView.as_view()),
    path(RUN, RunView.as_view()),
    path(RUN + "/cancel", CancelRunView.as_view()),
    path(RUN + "/wait", WaitView.as_view()),
    path(RUN + "/why", RunWhyView.as_view()),
    path(RUN + "/compare", CompareView.as_view()),
    path(RUN + "/forecast", ForecastView.as_view()),
    path(RUN + "/clear", ClearRunView.as_view()),
    path(RUN + "/upstreamAssetEvents", UpstreamEventsView.as_view()),
    path(RUN + "/groupRetries", GroupRetriesView.as_view()),
    path(RUN + "/taskInstances", TaskInstancesView.as_view()),
    path(RUN + "/taskInstances/list", TaskInstancesListView.as_view()),
    path(RUN + "/taskGroupInstances/<str:group_id>", TaskGroupView.as_view()),
    path(RUN + "/taskGroupInstances/<str:group_id>/dry_run", TaskGroupDryRunView.as_view()),
    path(TASK, WholeTaskView.as_view()),
    path(TASK + "/dry_run", DryRunView.as_view()),
    path(TASK + "/dependencies", DependenciesView.as_view()),
    path(TASK + "/tries", TriesView.as_view()),
    path(TASK + "/why", TaskWhyView.as_view()),
    path(TASK + "/tries/<int:try_number>", TriesView.as_view()),
    path(TASK + "/hold", HoldTaskView.as_view()),
    path(TASK + "/listMapped", MappedView.as_view()),
    path(TASK + "/logs/<int:try_number>", LogsView.as_view()),
    path(TASK + "/externalLogUrl/<int:try_number>", ExternalLogView.as_view()),
    path(TASK + "/links", LinksView.as_view()),
    path(TASK + "/state-store", StateStoreView.as_view()),
    path(TASK + "/state-store/<path:key>", StateStoreKeyView.as_view()),
    path(TASK + "/xcomEntries", XComsView.as_view()),
    path(TASK + "/xcomEntries/<path:key>", XComView.as_view()),
    path(DAG + "/deadlineAlerts", DeadlineAlertsView.as_view()),
    path(RUN + "/deadlines", DeadlinesView.as_view()),
    path(RUN + "/hitlDetails", HITLDetailsView.as_view()),
    path(TASK + "/<index:map_index>/hitlDetails", HITLDetailView.as_view()),
    path(TASK + "/<index:map_index>/hitlDetails/tries/<int:try_number>", HITLDetailTryView.as_view()),
    path(TASK + "/<index:map_index>", TaskInstanceView.as_view()),
    path(TASK + "/<index:map_index>/dry_run", DryRunView.as_view()),
    path(TASK + "/<index:map_index>/dependencies", DependenciesView.as_view()),
    path(TASK + "/<index:map_index>/tries", TriesView.as_view()),
    path(TASK + "/<index:map_index>/why", TaskWhyView.as_view()),
    path(TASK + "/<index:map_index>/tries/<int:try_number>", TriesView.as_view()),
]
urlpatterns.append(re_path(r"^(?:api|auth)/", Misfits(urlpatterns).view()))
