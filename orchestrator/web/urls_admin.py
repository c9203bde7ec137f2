"""Addresses of what is administered: people, what DAGs share, the installation."""

from __future__ import annotations

from django.urls import path

from . import converters  # noqa: F401  # registers them
from .views import bundles, connection_tests, failures, installation, pools, registry, security, teams, webhooks

urlpatterns = [
    path("events", security.events_page, name="events"),
    path("security/users", security.users_page, name="users"),
    path("security/users/add", security.user_add, name="users-add"),
    path("security/users/<int:user_id>", security.user_edit, name="users-edit"),
    path("security/roles", security.roles_page, name="roles"),
    path("security/teams", teams.list_page, name="teams"),
    path("security/teams/add", teams.add, name="teams-add"),
    path("security/teams/<int:team_id>", teams.team_page, name="team"),
    path("security/teams/<int:team_id>/members", teams.members, name="team-members"),
    path("security/teams/<int:team_id>/delete", teams.delete, name="team-delete"),
    path("security/tokens", security.tokens_page, name="tokens"),
    path("security/tokens/add", security.token_add, name="tokens-add"),
    path("security/tokens/revoke", security.token_revoke, name="tokens-revoke"),
    path("webhooks", webhooks.list_page, name="webhooks"),
    path("webhooks/add", webhooks.add, name="webhooks-add"),
    path("webhooks/<str:webhook_id>", webhooks.one_page, name="webhook"),
    path("webhooks/<str:webhook_id>/edit", webhooks.edit, name="webhook-edit"),
    path("webhooks/<str:webhook_id>/delete", webhooks.delete, name="webhook-delete"),
    path("webhooks/<str:webhook_id>/act", webhooks.act, name="webhook-act"),
    path("failures", failures.list_page, name="failures"),
    path("failures/<int:failure_id>", failures.group_page, name="failure"),
    path("failures/<int:failure_id>/note", failures.note_page, name="failure-note"),
    path("workers", installation.workers_page, name="workers"),
    path("queues/<any:queue>/uses", installation.queue_uses, name="queue-uses"),
    path("workers/drain", installation.drain, name="workers-drain"),
    path("workers/stop", installation.stop, name="workers-stop"),
    path("jobs", installation.jobs_page, name="jobs"),
    path("configs", installation.configs_page, name="configs"),
    path("bundles", bundles.bundles_page, name="bundles"),
    path("bundles/<any:name>/refresh", bundles.refresh, name="bundles-refresh"),
    path("plugins", installation.plugins_page, name="plugins"),
    path("providers", installation.providers_page, name="providers"),
    path("connections/test", connection_tests.test_form, name="connections-test-form"),
    path("connections/<any:connection_id>/test", connection_tests.test_one, name="connections-test"),
    *registry.addresses(),
    path("pools/<any:pool_name>", pools.pool_page, name="pool"),
]
