"""The state store of an asset: what tasks keep about it, to look at and to change."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from dags_app.models import Asset
from orchestrator import access
from orchestrator.web import dialog_code
from orchestrator.web.page import done, live_part, must
from runs_app import asset_store
from runs_app.models import AssetStoreEntry
from runs_app.store import LONGEST_KEY, StoreRefused

from .assets import asset_for
from .dialogs import form_view, shown, task_url, text_of
from .task import value_lines

PER_PAGE = 50
LONGEST_VALUE = 1_000_000


@require_safe
def list_page(request: HttpRequest, asset_id: int) -> HttpResponse:
    asset = asset_for(request, asset_id)
    chunk = Paginator(_entries(asset), PER_PAGE).get_page(request.GET.get("page"))
    seen = set(access.visible_dags(request.user).filter(pk__in=_writers(chunk)).values_list("pk", flat=True))
    return live_part(
        request,
        "assets/store.html",
        {"store": "assets/_store.html"},
        nav="assets",
        tab="store",
        asset=asset,
        chunk=chunk,
        entries=[(row, *value_lines(row.value), _by(row, seen)) for row in chunk.object_list],
    )


def _entries(asset: Asset) -> Any:
    return AssetStoreEntry.objects.filter(asset=asset).order_by("key")


def _writers(rows: Any) -> list[str]:
    return [row.updated_by["dag_id"] for row in rows if row.updated_by.get("dag_id")]


def _by(row: AssetStoreEntry, seen: set[str]) -> dict[str, Any]:
    """Who wrote it last: a task instance, with its page where one may see its DAG."""
    by = row.updated_by
    if not by.get("task_id"):
        return {}
    place = (by["dag_id"], by["run_id"], by["task_id"], by.get("map_index", -1))
    return {**by, "map_index": place[3], "seen": by["dag_id"] in seen, "url": task_url(*place)}


@form_view
def edit(request: HttpRequest, asset_id: int) -> HttpResponse:
    """Write a key: a new one, or with ``?key=`` one that is there."""
    asset = asset_for(request, asset_id)
    must(request, "edit", asset)
    key = text_of(request.POST or request.GET, "key", LONGEST_KEY)
    row = _entries(asset).filter(key=key).first()
    value, error = json.dumps(row.value, indent=2, ensure_ascii=False) if row else "", ""
    if request.method == "POST":
        value = text_of(request.POST, "value", LONGEST_VALUE)
        try:
            if row is not None and "is_there" not in request.POST:
                raise StoreRefused(
                    gettext("The key {key} is there already: edit it, or choose another.").format(key=key)
                )
            asset_store.edit(asset, key, json.loads(value), user=request.user)
        except StoreRefused as problem:
            error = str(problem)
        except (ValueError, RecursionError) as problem:
            error = gettext('The value is not JSON: {problem}. A text stands in quotes, such as "2026-03-01".').format(
                problem=problem
            )
        else:
            return done(request, gettext("Saved {key}.").format(key=key), reverse("asset-store", args=[asset.pk]))
    return shown(
        request,
        "dialogs/_store_edit.html",
        status=422 if error else 200,
        asset=asset,
        title=gettext("Edit {key}").format(key=key) if row else gettext("Add a key"),
        error=error,
        key=key,
        value=value,
        is_there=row is not None and (request.method == "GET" or "is_there" in request.POST),
        code=partial(dialog_code.of_values, request, {"key": key, "value": value}),
    )


@form_view
def delete(request: HttpRequest, asset_id: int) -> HttpResponse:
    """Forget a key, or without one all of them."""
    asset = asset_for(request, asset_id)
    must(request, "edit", asset)
    key = text_of(request.POST or request.GET, "key", LONGEST_KEY)
    rows = _entries(asset).filter(key=key) if key else _entries(asset)
    count = rows.count()
    if key and not count:
        raise Http404(gettext("The state store of {name} has no key “{key}”.").format(name=asset.name, key=key))
    if request.method == "POST":
        asset_store.forget(asset, key or None, user=request.user)
        text = (
            gettext("Deleted {key}.").format(key=key)
            if key
            else gettext("Cleared the state store of {name}.").format(name=asset.name)
        )
        return done(request, text, reverse("asset-store", args=[asset.pk]))
    title = gettext("Delete this key?") if key else gettext("Clear the state store?")
    return shown(request, "dialogs/_store_delete.html", asset=asset, title=title, key=key, count=count)
