"""The page of bundles: where DAG files come from, how current they are, and what they are parsed with."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from dags_app.bundles.links import url_of
from dags_app.models import Bundle, DagFile
from orchestrator import access
from orchestrator.web.page import done, live_part, must
from runs_app import bundles


@require_safe
def bundles_page(request: HttpRequest) -> HttpResponse:
    must(request, "read_bundles")
    rows = list(Bundle.objects.order_by("-is_active", "name"))
    files = DagFile.objects.filter(gone_at__isnull=True).values("bundle_name").order_by()
    live = Q(dags__is_stale=False)
    counts = {
        each["bundle_name"]: each
        for each in files.annotate(
            dag_count=Count("dags", filter=live, distinct=True), error_count=Count("import_error", distinct=True)
        )
    }
    for row in rows:
        row.counts = counts.get(row.name) or {"dag_count": 0, "error_count": 0}  # type: ignore[attr-defined]
        row.url = url_of(row.name, row.version)  # type: ignore[attr-defined]
    return live_part(
        request,
        "installation/bundles.html",
        {"rows": "installation/_bundles.html"},
        nav="bundles",
        bundles=rows,
        may_edit=access.can(request.user, "edit_bundles"),
    )


@require_POST
def refresh(request: HttpRequest, name: str) -> HttpResponse:
    must(request, "edit_bundles")
    try:
        bundles.refresh(name, user=request.user)
    except bundles.NoSuchBundle as error:
        raise Http404(gettext("There is no bundle “{name}” among the settings.").format(name=name)) from error
    return done(request, gettext("“{name}” is refreshed within seconds.").format(name=name), reverse("bundles"))
