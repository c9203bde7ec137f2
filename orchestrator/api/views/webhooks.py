"""Webhooks: addresses that are told how runs end. Airflow has none of this."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api.base import ApiView
from orchestrator.api.body import Part, boolean, limited_text, listing, one_of, read_body
from orchestrator.api.query import Listing, order_of
from orchestrator.api.scope import must
from orchestrator.api.shapes import moment
from runs_app import webhooks
from runs_app.models import Delivery, Webhook

VERB = "edit_webhooks"
NAME = limited_text(100, r"(?s).*\S.*")
OPTIONAL = {
    "kinds": Part(listing(one_of(*webhooks.KINDS), 20), default=list(webhooks.DEFAULT_KINDS), nullable=False),
    "dag_ids": Part(listing(limited_text(250), 1000), default=[], nullable=False),
    "tags": Part(listing(limited_text(100), 100), default=[], nullable=False),
}
CREATE = {
    "name": Part(NAME, required=True, nullable=False),
    "url": Part(limited_text(1000), required=True, nullable=False),
    **OPTIONAL,
}
PATCH = {
    "name": Part(NAME, nullable=False),
    "url": Part(limited_text(1000), nullable=False),
    **OPTIONAL,
    "enabled": Part(boolean, nullable=False),
}
LISTING = Listing(order=order_of("name", "url", "created_at", id="pk"), default_order=("name", "pk"))
DELIVERIES = Listing(
    order=order_of("created_at", "kind", "state", id="pk"),
    default_order=("-created_at", "pk"),
    exact={"state": "state", "kind": "kind", "dag_id": "dag_id", "dag_run_id": "run_id"},
)


class WebhooksView(ApiView):
    """GET and POST /api/v2/webhooks."""

    def get(self, request: Request) -> Response:
        must(request.user, VERB)
        page, total = LISTING.page(access.visible_webhooks(request.user).select_related("owner"), request.GET)
        return Response({"webhooks": [shape(each) for each in page], "total_entries": total})

    def post(self, request: Request) -> Response:
        """Make one; its secret is in this answer, and in no other."""
        must(request.user, VERB)
        row, secret = webhooks.create(request.user, read_body(request, CREATE), timezone.now())
        return Response({**shape(row), "secret": secret}, status=201)


class WebhookView(ApiView):
    """GET, PATCH and DELETE /api/v2/webhooks/{webhook_id}."""

    def get(self, request: Request, webhook_id: str) -> Response:
        return Response(shape(webhook_for(request, webhook_id)))

    def patch(self, request: Request, webhook_id: str) -> Response:
        row = webhook_for(request, webhook_id)
        webhooks.change(row, read_body(request, PATCH, partial=True), user=request.user, now=timezone.now())
        return Response(shape(row))

    def delete(self, request: Request, webhook_id: str) -> Response:
        webhooks.delete(webhook_for(request, webhook_id), user=request.user)
        return Response(status=204)


class WebhookSecretView(ApiView):
    """POST /api/v2/webhooks/{webhook_id}/secret: another secret, shown in this answer only."""

    def post(self, request: Request, webhook_id: str) -> Response:
        row = webhook_for(request, webhook_id)
        return Response({"secret": webhooks.renew_secret(row, user=request.user)})


class WebhookTestView(ApiView):
    """POST /api/v2/webhooks/{webhook_id}/test: send a message that tells of nothing."""

    def post(self, request: Request, webhook_id: str) -> Response:
        row = webhook_for(request, webhook_id)
        return Response(delivery(webhooks.send_test(row, user=request.user, now=timezone.now())))


class DeliveriesView(ApiView):
    """GET /api/v2/webhooks/{webhook_id}/deliveries: what it was told, the newest first."""

    def get(self, request: Request, webhook_id: str) -> Response:
        page, total = DELIVERIES.page(Delivery.objects.filter(webhook=webhook_for(request, webhook_id)), request.GET)
        return Response({"deliveries": [delivery(each) for each in page], "total_entries": total})


class ResendView(ApiView):
    """POST /api/v2/webhooks/{webhook_id}/deliveries/{delivery_id}/resend: send a message once more, under its id."""

    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        hook = webhook_for(request, webhook_id)
        row = Delivery.objects.filter(webhook=hook, pk=delivery_id).select_related("webhook").first()
        if row is None:
            raise Http404(f"The delivery with id: `{delivery_id}` was not found")
        webhooks.resend(row, user=request.user, now=timezone.now())
        row.refresh_from_db()
        return Response(delivery(row))


def webhook_for(request: Request, webhook_id: str) -> Webhook:
    """Return a webhook the caller may change; nobody else may see one."""
    must(request.user, VERB)
    row = access.visible_webhooks(request.user).filter(pk=webhook_id).select_related("owner").first()
    if row is None:
        raise Http404(f"The webhook with id: `{webhook_id}` was not found")
    return row


def shape(row: Webhook) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "url": row.url,
        "kinds": row.kinds,
        "dag_ids": row.dag_ids,
        "tags": row.tags,
        "owner": row.owner.get_username(),
        "enabled": row.enabled,
        "disabled_why": row.disabled_why or None,
        "created_at": moment(row.created_at),
        "succeeded_at": moment(row.succeeded_at),
    }


def delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "webhook_id": row.webhook_id,
        "kind": row.kind,
        "dag_id": row.dag_id or None,
        "dag_run_id": row.run_id or None,
        "state": row.state,
        "tries": row.tries,
        "created_at": moment(row.created_at),
        "tried_at": moment(row.tried_at),
        "next_at": moment(row.next_at),
        "status": row.status,
        "answer": row.answer or None,
        "body": row.body,
    }
