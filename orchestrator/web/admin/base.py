"""What the admin's lists have in common: rights by role, and actions that ask before they act."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from orchestrator import access
from runs_app.exceptions import OrchestratorError

MOST_AT_ONCE = 1000
"""Objects one action takes; more would not end within a request."""
COUNTED = 10_000
"""More rows than these are not counted: a count reads every one of them."""


class Counted(Paginator):
    """Counts a long list only as far as anybody turns its pages."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list.order_by()[: COUNTED + 1].count())


class ByRole(admin.ModelAdmin):
    """Rights come from the role alone. ``see`` and ``edit`` are verbs of :mod:`orchestrator.access`; "" = nobody."""

    see = "admin"
    edit = ""
    page_text = "open"
    paginator = Counted
    show_full_result_count = False
    list_per_page = 50
    view_on_site: Any = False  # a method that tells the address of the object's own page, where it has one

    @admin.display(description=gettext_lazy("page"))
    def page(self, obj: Any) -> str:
        address = self.get_view_on_site_url(obj)
        return link(address, self.page_text) if address else "–"

    def _may(self, request: HttpRequest, verb: str) -> bool:
        return bool(verb) and access.can(request.user, verb)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.see)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.see)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.edit)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.edit)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.edit)


class Looked(ByRole):
    """Rows that only the engine writes: to look at, and to act on by actions."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        named = [each for each in self.readonly_fields or ()]
        fields = [field.name for field in self.opts.fields if field.name not in (self.exclude or ())]
        return [*named, *(each for each in fields if each not in named)]


Act = Callable[[Any, HttpRequest, Any], None]


def action(label: str, verb: str, *, ask: bool = True) -> Callable[[Act], Callable[..., HttpResponse | None]]:
    """Make an admin action of a function that acts on one object.

    It needs the role for ``verb``, asks first where ``ask``, goes on after an object that refuses, and
    says what was done and what was not.
    """

    def wrap(act: Act) -> Callable[..., HttpResponse | None]:
        def run(self: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
            if not access.can(request.user, verb):
                raise PermissionDenied(gettext("Your role may not: {label}.").format(label=label))
            objects = list(chosen[: MOST_AT_ONCE + 1])
            if len(objects) > MOST_AT_ONCE:
                self.message_user(
                    request, gettext("Choose at most {most} at once.").format(most=MOST_AT_ONCE), messages.ERROR
                )
                return None
            if ask and request.POST.get("sure") != "yes":
                return _asked(self, request, label, run.__name__, objects)
            _all(self, request, label, act, objects)
            return None

        run.__name__ = act.__name__
        return admin.action(description=label)(run)

    return wrap


def _all(model_admin: Any, request: HttpRequest, label: str, act: Act, objects: Iterable[Any]) -> None:
    done = 0
    for each in objects:
        try:
            act(model_admin, request, each)
            done += 1
        except OrchestratorError as error:
            model_admin.message_user(request, f"{each}: {error}", messages.ERROR)
    if done:
        model_admin.message_user(
            request, gettext("{label}: {done} done.").format(label=label, done=done), messages.SUCCESS
        )


def _asked(model_admin: Any, request: HttpRequest, label: str, name: str, objects: list[Any]) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{label}?",
        "objects": objects,
        "action": name,
        "label": label,
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/ask.html", context)


def link(address: str, text: str) -> str:
    return format_html('<a href="{}">{}</a>', address, text)
