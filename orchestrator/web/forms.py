"""Forms of pools, variables and connections, for the pages and the admin alike. Secrets are written, never shown."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy

from dags_app import secrets
from dags_app.models import Connection, Pool, Variable
from runs_app import registry

from . import connection_types

KEEP = gettext_lazy("Leave empty to keep what is there; it is never shown.")


class PoolForm(forms.ModelForm):
    class Meta:
        model = Pool
        fields = ("name", "slots", "description", "include_deferred", "rate_per_minute")
        labels = {
            "name": gettext_lazy("Name"),
            "slots": gettext_lazy("Slots"),
            "description": gettext_lazy("Description"),
            "include_deferred": gettext_lazy("Include deferred"),
            "rate_per_minute": gettext_lazy("Rate per minute"),
        }
        help_texts = {
            "slots": gettext_lazy("-1 = without limit"),
            "include_deferred": gettext_lazy("deferred task instances keep their slots"),
            "rate_per_minute": gettext_lazy(
                "so many attempts of its tasks start within any minute; empty = no such limit"
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["description"].widget.attrs["rows"] = 2

    def clean_slots(self) -> int:
        slots: int = self.cleaned_data["slots"]
        if not -1 <= slots < 2**31:
            raise forms.ValidationError(gettext("0 or more, or -1 for no limit."))
        return slots

    def clean_rate_per_minute(self) -> int | None:
        rate: int | None = self.cleaned_data["rate_per_minute"]
        if rate is not None and not 1 <= rate <= registry.MOST_A_MINUTE:
            raise forms.ValidationError(
                gettext("1 to {MOST_A_MINUTE}, or empty for no such limit.").format(
                    MOST_A_MINUTE=registry.MOST_A_MINUTE
                )
            )
        return rate

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields if name != "name"}


class VariableForm(forms.ModelForm):
    field_order = ("key", "value", "description")
    value = forms.CharField(
        widget=forms.Textarea(attrs={"autocomplete": "off"}), required=False, strip=False, label=gettext_lazy("Value")
    )

    class Meta:
        model = Variable
        fields = ("key", "description")
        labels = {"key": gettext_lazy("Key"), "description": gettext_lazy("Description")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["description"].required = False
        self.fields["description"].widget.attrs["rows"] = 2
        self.is_new = self.instance._state.adding
        self.fields["value"].required = self.is_new
        self.fields["value"].help_text = "" if self.is_new else KEEP

    def values(self) -> dict[str, Any]:
        found = {"description": self.cleaned_data["description"] or None}
        if self.cleaned_data["value"] or self.is_new:
            found["value"] = self.cleaned_data["value"]
        return found


class ConnectionForm(forms.ModelForm):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        required=False,
        strip=False,
        help_text=KEEP,
        label=gettext_lazy("Password"),
    )
    extra = forms.CharField(
        widget=forms.Textarea(attrs={"autocomplete": "off"}),
        required=False,
        help_text=format_lazy("JSON. {keep}", keep=KEEP),
        label=gettext_lazy("Extra"),
    )
    forget = forms.BooleanField(required=False, label=gettext_lazy("Remove password and extra"))

    class Meta:
        model = Connection
        fields = ("conn_id", "conn_type", "description", "host", "login", "schema", "port")
        labels = {
            "conn_id": gettext_lazy("Conn id"),
            "conn_type": gettext_lazy("Conn type"),
            "description": gettext_lazy("Description"),
            "host": gettext_lazy("Host"),
            "login": gettext_lazy("Login"),
            "schema": gettext_lazy("Schema"),
            "port": gettext_lazy("Port"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("description", "host", "login", "schema", "port"):
            self.fields[name].required = False
        self.fields["description"].widget.attrs["rows"] = 2
        self.fields["extra"].widget.attrs["rows"] = 5
        if self.instance._state.adding:
            self.fields["password"].help_text, self.fields["extra"].help_text = "", "JSON."
            self.fields["forget"].widget = forms.HiddenInput()

    def clean_port(self) -> int | None:
        port: int | None = self.cleaned_data["port"]
        if port is not None and not 0 <= port <= 65535:
            raise forms.ValidationError(gettext("A number up to 65535."))
        return port

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        names = ("conn_type", "description", "host", "login", "schema", "port")
        found = {name: data[name] if data[name] != "" else None for name in names}
        if data["forget"]:
            found |= {"password": None, "extra": None}
        return found | {name: data[name] for name in ("password", "extra") if data[name]}


class TypedConnectionForm(ConnectionForm):
    """The form of the page: what the type keeps in the extra has fields of its own, and the extra must be JSON.

    Fields of the extra are named ``extra__NAME``. None of them shows what is there; one that is left empty keeps it.
    """

    def __init__(self, data: Any = None, *, conn_type: str = "", **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.type = connection_types.of((data or {}).get("conn_type") or conn_type or self.instance.conn_type or "")
        if not self.is_bound:
            self.initial["conn_type"] = self.type.name
        self.fields["conn_id"].label = gettext("Name")
        for each in self.type.extra:
            self.fields[f"extra__{each.name}"] = _extra_field(each)
        for name in connection_types.FIELDS:
            self.fields[name].label = self.type.labels.get(name, self.fields[name].label)
            if hint := self.type.hints.get(name):
                self.fields[name].widget.attrs["placeholder"] = hint

    def clean_extra(self) -> str:
        """Refuse what is no JSON object, and say where; the text itself is not told back."""
        text: str = self.cleaned_data["extra"]
        if not text.strip():
            return ""
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                gettext("No JSON: {msg}, line {lineno}, column {colno}.").format(
                    msg=error.msg, lineno=error.lineno, colno=error.colno
                )
            ) from None
        except RecursionError:
            raise forms.ValidationError(gettext("Nested too deeply.")) from None
        if not isinstance(found, dict):
            raise forms.ValidationError(gettext('A JSON object is needed, such as {"timeout": 30}.'))
        return text

    def typed(self) -> list[Any]:
        """The bound fields that the type shows, then those of its extra."""
        shown = [name for name in connection_types.FIELDS if name not in self.type.hidden]
        return [self[name] for name in (*shown, *(f"extra__{each.name}" for each in self.type.extra))]

    def values(self) -> dict[str, Any]:
        found = super().values()
        given = {
            each.name: self.cleaned_data[f"extra__{each.name}"]
            for each in self.type.extra
            if self.cleaned_data.get(f"extra__{each.name}") not in (None, "", False)
        }
        if given:
            found["extra"] = json.dumps({**self._extra(found), **given})
        return found

    def _extra(self, found: dict[str, Any]) -> dict[str, Any]:
        """What the typed fields are put into: the extra that was sent, or else the one that is there."""
        if "extra" in found:
            return json.loads(found["extra"] or "{}")
        if self.instance._state.adding:
            return {}
        try:
            kept = json.loads((secrets.get_connection(self.instance.pk) or {}).get("extra") or "{}")
        except (ValueError, secrets.SecretError):
            return {}
        return kept if isinstance(kept, dict) else {}


def _extra_field(each: connection_types.Extra) -> forms.Field:
    label = {"label": each.label, "required": False}
    if each.kind == "switch":
        return forms.BooleanField(**label)
    if each.kind == "number":
        return forms.IntegerField(**label)
    widget: forms.Widget = forms.TextInput(attrs={"placeholder": each.hint, "autocomplete": "off"})
    if each.kind == "password":
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(widget=widget, **label)
