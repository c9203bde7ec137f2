"""What the pages of variables, connections and pools have in common: one shelf each, of things under names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from dags_app.models import Connection, Pool, Variable
from runs_app import imports, registry

from .forms import PoolForm, TypedConnectionForm, VariableForm


@dataclass(frozen=True, slots=True)
class Shelf:
    """A kind of thing. ``name`` is its plural: of the address, the templates' folder and the verbs."""

    name: str
    word: str
    model: Any
    form: type[forms.ModelForm]
    searched: tuple[str, ...]
    sorts: tuple[str, ...]
    kind: imports.Kind
    delete: Callable[..., bool]
    exported: Callable[[Any], Any]
    lost: str  # what its end means

    @property
    def one(self) -> str:
        return gettext(self.word)

    @property
    def many(self) -> str:
        return gettext(self.name)

    @property
    def asked_by(self) -> str:
        """What an address calls the name of one of them, as in the API."""
        return {"variables": "variable_key", "connections": "connection_id", "pools": "pool_name"}[self.name]

    @property
    def reads(self) -> str:
        return f"read_{self.name}"

    @property
    def edits(self) -> str:
        return f"edit_{self.name}"

    def rows(self, query: Any) -> QuerySet[Any]:
        """Return the things that fit ``q``, in the order that ``order`` asks for."""
        found = self.model.objects.all()
        if text := query.get("q", "").strip().replace("\0", "")[:250]:
            wanted = Q()
            for name in self.searched:
                wanted |= Q(**{f"{name}__icontains": text})
            found = found.filter(wanted)
        order = query.get("order", "")
        return found.order_by(order, "pk") if order.removeprefix("-") in self.sorts else found.order_by("pk")

    def form_of(self, row: Any = None, data: Any = None, conn_type: str = "") -> Any:
        """Return the form of a new thing, or of one that is there, whose name stays."""
        typed = {"conn_type": conn_type.replace("\0", "")[:500]} if self.form is TypedConnectionForm else {}
        form = self.form(data, instance=row, **typed)
        if row is not None:
            form.fields[self.model._meta.pk.name].disabled = True
        return form

    def save(self, form: Any, *, new: bool, user: Any) -> Any:
        key = form.cleaned_data[self.model._meta.pk.name]
        return self.kind.save(key, form.values(), new=new, user=user)


def _variable(row: Variable) -> Any:
    return imports.MASK if row.description is None else {"value": imports.MASK, "description": row.description}


def _connection(row: Connection) -> dict[str, Any]:
    names = ("conn_type", "description", "host", "login", "schema", "port")
    found = {name: getattr(row, name) for name in names if getattr(row, name) is not None}
    return found | ({"password": imports.MASK, "extra": imports.MASK} if row.secret is not None else {})


def _pool(row: Pool) -> dict[str, Any]:
    found = {"slots": row.slots, "description": row.description, "include_deferred": row.include_deferred}
    return found | ({"rate_per_minute": row.rate_per_minute} if row.rate_per_minute is not None else {})


VARIABLES = Shelf(
    gettext_noop("variables"),
    gettext_noop("variable"),
    Variable,
    VariableForm,
    ("key", "description"),
    ("key", "description", "updated_at"),
    imports.VARIABLES,
    registry.delete_variable,
    _variable,
    gettext_lazy("What reads it fails from then on."),
)
CONNECTIONS = Shelf(
    gettext_noop("connections"),
    gettext_noop("connection"),
    Connection,
    TypedConnectionForm,
    ("conn_id", "conn_type", "host", "description"),
    ("conn_id", "conn_type", "host", "updated_at"),
    imports.CONNECTIONS,
    registry.delete_connection,
    _connection,
    gettext_lazy("What asks for it fails from then on."),
)
POOLS = Shelf(
    gettext_noop("pools"),
    gettext_noop("pool"),
    Pool,
    PoolForm,
    ("name", "description"),
    ("name", "slots"),
    imports.POOLS,
    registry.delete_pool,
    _pool,
    gettext_lazy("Tasks that want slots of it wait until there is a pool of that name again."),
)
