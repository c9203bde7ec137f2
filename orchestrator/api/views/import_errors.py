"""Import errors: why a file gives no DAGs."""

from __future__ import annotations

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api import shapes
from orchestrator.api.base import ApiView
from orchestrator.api.query import Listing, order_of

FIELDS = ("pk", "timestamp", "file__relative_path", "file__bundle_name", "stack_trace")
LISTING = Listing(
    order=order_of(
        "timestamp",
        "stack_trace",
        id="pk",
        import_error_id="pk",
        filename="file__relative_path",
        bundle_name="file__bundle_name",
    ),
    exact={"filename": "file__relative_path", "bundle_name": "file__bundle_name"},
    patterns={"filename": "file__relative_path"},
)


class ImportErrorsView(ApiView):
    """GET /api/v2/importErrors."""

    def get(self, request: Request) -> Response:
        page, total = LISTING.page(access.visible_import_errors(request.user), request.GET)
        return Response(
            {"import_errors": [shapes.import_error(row) for row in page.values(*FIELDS)], "total_entries": total}
        )


class ImportErrorView(ApiView):
    """GET /api/v2/importErrors/{import_error_id}."""

    def get(self, request: Request, import_error_id: int) -> Response:
        rows = access.visible_import_errors(request.user).filter(pk=min(import_error_id, 2**62))
        row = rows.values(*FIELDS).first()
        if row is None:
            raise Http404(f"The ImportError with import_error_id: `{import_error_id}` was not found")
        return Response(shapes.import_error(row))
