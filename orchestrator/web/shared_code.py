"""What the dialogs of shared things and of values do, as code: variables, connections, pools, assets, XComs, stores.

What is typed into a field that hides it is not said back: the lines take it from the environment instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dags_app.models import Asset
from orchestrator import access

from . import zones
from .as_code import Call, Client, from_environment
from .registry import CONNECTIONS

if TYPE_CHECKING:
    from .dialog_code import Form

OPEN = ("description", "host", "login", "schema")
MOST_CALLS = 20
TASK_STORE, ASSET_STORE = "TaskStateStoreApi", "AssetStateStoreApi"


def _path(*parts: Any) -> str:
    return "/api/v2/" + "/".join(quote(str(part), safe="") for part in parts)


def _raw(form: Form, name: str) -> str:
    return str(form.data.get(name, ""))


# ---- variables, connections, pools


def add_variable(form: Form) -> list[Call]:
    key, value, said = form.text("key"), _raw(form, "value"), form.text("description")
    body = {"key": key, "value": value, "description": said or None}
    client = Client("VariableApi", "post_variable", (), "VariableBody")
    command = ("variables", "set", key, value, *(("--description", said) if said else ()))
    return [Call("POST", _path("variables"), body, client=client, command=command)]


def edit_variable(form: Form) -> list[Call]:
    key, value, said = form.path["variable_key"], _raw(form, "value"), form.text("description")
    body = {"key": key, "description": said or None} | ({"value": value} if value else {})
    # Airflow's client sends no change without a value, and the command keeps a description that is not said.
    client = Client("VariableApi", "patch_variable", (key,), "VariableBody") if value else None
    command = ("variables", "set", key, value, "--description", said) if value and said else None
    return [Call("PATCH", _path("variables", key), body, client=client, command=command)]


def add_pool(form: Form) -> list[Call]:
    return [_pool(form, form.text("name"), "POST", _path("pools"), "post_pool", (), "PoolBody")]


def edit_pool(form: Form) -> list[Call]:
    name = form.path["pool_name"]
    return [_pool(form, name, "PATCH", _path("pools", name), "patch_pool", (name,), "PoolPatchBody")]


def _pool(form: Form, name: str, method: str, path: str, call: str, arguments: tuple[str, ...], model: str) -> Call:
    said, rate, deferred = (
        form.text("description"),
        _number(form.text("rate_per_minute")),
        form.on_form("include_deferred"),
    )
    is_new, slots = method == "POST", _number(form.text("slots")) or 0
    body: dict[str, Any] = {"name" if is_new else "pool": name, "slots": slots, "include_deferred": deferred}
    body |= {} if name == "default_pool" else {"description": said}
    # Airflow's pools have no rate: its client would leave it out.
    client = None if rate else Client("PoolApi", call, arguments, model)
    command = ("pools", "set", name, str(slots), "--description", said)
    command += ("--include-deferred" if deferred else "--no-include-deferred", "--rate", str(rate or 0))
    return Call(
        method, path, body | ({"rate_per_minute": rate} if rate or not is_new else {}), client=client, command=command
    )


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def add_connection(form: Form) -> list[Call]:
    conn_id = form.text("conn_id")
    fields = _fields(form)
    if fields is None:
        return []
    body = {"connection_id": conn_id, **{name: each for name, each in fields.items() if each is not None}}
    client = Client("ConnectionApi", "post_connection", (), "ConnectionBody")
    named = [("--type", "conn_type"), *((f"--{name}", name) for name in (*OPEN, "port", "extra"))]
    command = ["connections", "set", conn_id]
    for flag, name in named:
        command += [flag, str(body[name])] if body.get(name) is not None else []
    stdin = "PASSWORD" if "password" in body else ""
    command += ["--password", "-"] if stdin else []
    return [Call("POST", _path("connections"), body, client=client, command=tuple(command), stdin=stdin)]


def edit_connection(form: Form) -> list[Call]:
    conn_id = form.path["connection_id"]
    fields = _fields(form)
    # Typed fields go into the extra that is there, which only the server may read.
    if fields is None or ("extra" not in fields and _typed(form)):
        return []
    if form.on_form("forget"):
        fields |= {"password": None, "extra": None}
    # Airflow's client leaves out what is null, and so would not take anything away.
    takes_away = None in fields.values()
    client = None if takes_away else Client("ConnectionApi", "patch_connection", (conn_id,), "ConnectionBody")
    return [Call("PATCH", _path("connections", conn_id), {"connection_id": conn_id, **fields}, client=client)]


def _fields(form: Form) -> dict[str, Any] | None:
    """The fields of the form, a password as a name of the environment; None where its extra cannot be said so."""
    found: dict[str, Any] = {"conn_type": form.text("conn_type")}
    found |= {name: form.text(name) or None for name in OPEN} | {"port": _number(form.text("port"))}
    if _raw(form, "password"):
        found["password"] = from_environment("PASSWORD")
    typed, text = _typed(form), form.text("extra")
    is_new = "connection_id" not in form.path
    if text or (typed and is_new):
        try:
            extra = json.loads(text or "{}")
        except (ValueError, RecursionError):
            return None
        if not isinstance(extra, dict) or any(each.kind == "password" for each in _typed_kinds(form)):
            return None
        found["extra"] = json.dumps({**extra, **typed}, ensure_ascii=False) if typed else text
    return found


def _typed(form: Form) -> dict[str, Any]:
    """The fields that the type keeps in the extra, converted as the form converts them."""
    filled = _filled(form)
    values = {each.name: filled.cleaned_data.get(f"extra__{each.name}") for each in filled.type.extra}
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def _typed_kinds(form: Form) -> list[Any]:
    typed = _typed(form)
    return [each for each in _filled(form).type.extra if each.name in typed]


def _filled(form: Form) -> Any:
    filled = CONNECTIONS.form_of(None, form.data)
    filled.is_valid()
    return filled


def delete_of(word: str, api: str) -> Callable[[Form], list[Call]]:
    """Deleting one or several of ``word``s, as the form or the address names them."""

    def calls(form: Form) -> list[Call]:
        keys = [key for key in form.data.getlist("key") if key and "/" not in key]
        if not keys or len(keys) > MOST_CALLS:
            return []
        client = {key: Client(api, f"delete_{word}", (key,)) for key in keys}
        return [
            Call("DELETE", _path(f"{word}s", key), client=client[key], command=(f"{word}s", "delete", key))
            for key in keys
        ]

    return calls


# ---- assets


def _asset(form: Form) -> Asset | None:
    return access.visible_assets(form.request.user).filter(pk=form.path["asset_id"]).first()


def asset_event(form: Form) -> list[Call]:
    asset, extra, key = _asset(form), _object(form.text("extra")), form.text("partition_key")
    if asset is None or extra is None:
        return []
    body = {"asset_id": asset.pk, "extra": extra} | ({"partition_key": key} if key else {})
    client = Client("AssetApi", "create_asset_event", (), "CreateAssetEventsBody")
    command = ("assets", "emit", asset.name, *(("--extra", json.dumps(extra, ensure_ascii=False)) if extra else ()))
    command += ("--partition-key", key) if key else ()
    return [Call("POST", _path("assets", "events"), body, client=client, command=command)]


def materialize(form: Form) -> list[Call]:
    asset, key = _asset(form), form.text("partition_key")
    if asset is None:
        return []
    command = ("assets", "materialize", asset.name, *(("--partition-key", key) if key else ()))
    body = {"partition_key": key} if key else {}
    client = Client("AssetApi", "materialize_asset", (asset.pk,), "MaterializeAssetBody")
    return [Call("POST", _path("assets", asset.pk, "materialize"), body, client=client, command=command)]


def edit_asset_store(form: Form) -> list[Call]:
    key, value = form.text("key"), _json(form.text("value"))
    if not key or value is None:
        return []
    pk = form.path["asset_id"]
    client = Client(ASSET_STORE, "set_asset_state_store", (key, pk), "AssetStateStoreBody")
    return [Call("PUT", _path("assets", pk, "state-store", key), {"value": value}, client=client)]


def delete_asset_store(form: Form) -> list[Call]:
    key, pk = form.text("key"), form.path["asset_id"]
    client = Client(ASSET_STORE, "delete_asset_state_store", (key, pk))
    if not key:
        client = Client(ASSET_STORE, "clear_asset_state_store", (pk,))
    return [Call("DELETE", _path("assets", pk, "state-store", *((key,) if key else ())), client=client)]


# ---- what a task instance left behind


def edit_xcom(form: Form) -> list[Call]:
    key, text = form.text("key"), form.text("value")
    value = _json(text)
    path = f"{form.run}/taskInstances/{quote(form.path['task_id'], safe='')}/xcomEntries"
    one = f"{path}/{quote(key, safe='')}"
    dag_id, run_id = form.ids
    ids = (dag_id, form.path["task_id"], run_id)
    if _is_deleted(form, key):
        return [Call("DELETE", one, query=_index(form), client=Client("XComApi", "delete_xcom_entry", (*ids, key)))]
    if not key or (value is None and text != "null"):
        return []
    index = {"map_index": form.index} if form.index != -1 else {}
    if _is_there(form):
        client = Client("XComApi", "update_xcom_entry", (*ids, key), "XComUpdateBody")
        return [Call("PATCH", one, {"value": value, **index}, client=client)]
    client = Client("XComApi", "create_xcom_entry", ids, "XComCreateBody")
    return [Call("POST", path, {"key": key, "value": value, **index}, client=client)]


def edit_task_store(form: Form) -> list[Call]:
    key, value = form.text("key"), _json(form.text("value"))
    path, ids = f"{_store(form)}/{quote(key, safe='')}", (key, *form.ids, form.path["task_id"])
    if _is_deleted(form, key):
        return [Call("DELETE", path, query=_index(form), client=Client(TASK_STORE, "delete_task_state_store", ids))]
    if not key or value is None:
        return []
    body = {"value": value, **_expiry(form)}
    client = Client(TASK_STORE, "set_task_state_store", ids, "TaskStateStoreBody")
    return [Call("PUT", path, body, _index(form), client=client)]


def clear_task_store(form: Form) -> list[Call]:
    query = (("all_map_indices", "true"),) if form.on_form("everywhere") else _index(form)
    command = ("store", "clear", *form.ids, form.path["task_id"], *form.indexed)
    client = Client(TASK_STORE, "clear_task_state_store", (*form.ids, form.path["task_id"]))
    line = None if form.on_form("everywhere") else command
    return [Call("DELETE", _store(form), query=query, client=client, command=line)]


def _store(form: Form) -> str:
    return f"{form.run}/taskInstances/{quote(form.path['task_id'], safe='')}/state-store"


def _index(form: Form) -> tuple[tuple[str, str], ...]:
    return (("map_index", str(form.index)),) if form.index != -1 else ()


def _is_there(form: Form) -> bool:
    """Whether a key is changed, which the address says at first and the form from then on."""
    return "is_there" in form.data or (form.request.method != "POST" and "key" in form.data)


def _is_deleted(form: Form, key: str) -> bool:
    """Whether the form's button that deletes is meant."""
    return bool(key) and form.on_form("delete") and _is_there(form)


def _expiry(form: Form) -> dict[str, Any]:
    """When a key expires, as the form says; nothing before the form was seen."""
    if "expires_at" not in form.data:
        return {}
    text = form.text("expires_at")
    try:
        at = zones.read(text, zones.chosen(form.request)) if text else None
    except ValueError:
        return {}
    return {"expires_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None}


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _object(text: str) -> dict[str, Any] | None:
    found = _json(text) if text else {}
    return found if isinstance(found, dict) else None


DIALOGS: dict[str, Callable[[Form], list[Call]]] = {
    "variables-add": add_variable,
    "variables-edit": edit_variable,
    "variables-delete": delete_of("variable", "VariableApi"),
    "connections-add": add_connection,
    "connections-edit": edit_connection,
    "connections-delete": delete_of("connection", "ConnectionApi"),
    "pools-add": add_pool,
    "pools-edit": edit_pool,
    "pools-delete": delete_of("pool", "PoolApi"),
    "asset-event": asset_event,
    "asset-materialize": materialize,
    "asset-store-edit": edit_asset_store,
    "asset-store-delete": delete_asset_store,
    **{f"task-xcom-edit{end}": edit_xcom for end in ("", "-mapped")},
    **{f"task-store-edit{end}": edit_task_store for end in ("", "-mapped")},
    **{f"task-store-clear{end}": clear_task_store for end in ("", "-mapped")},
}
