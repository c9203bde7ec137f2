"""A call of the API as a line to copy: for curl, for Airflow's Python client, and for ``manage.py``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pprint import pformat
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest


@dataclass(frozen=True)
class Client:
    """A call of Airflow's Python client: class and method of its ``api``, arguments, and the model of the body."""

    api: str
    method: str
    arguments: tuple[Any, ...] = ()
    model: str = ""


@dataclass(frozen=True)
class Call:
    """One request of the API, and what else does the same."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    query: tuple[tuple[str, str], ...] = ()
    client: Client | None = None
    command: tuple[str, ...] | None = None
    stdin: str = ""  # a name of the environment whose value the command reads


MARK = "@@env:{}@@"
HIDDEN = ("PASSWORD",)
"""What lines take from the environment, since the form hides it."""


def from_environment(name: str) -> str:
    """What stands for a secret in a body; it must be one of :data:`HIDDEN`."""
    return MARK.format(name)


def host_of(request: HttpRequest) -> str:
    """The address that the reader has of this installation."""
    return request.build_absolute_uri("/").rstrip("/")


def texts(calls: list[Call], host: str) -> list[tuple[str, str]]:
    """Return (name, text) for each way of saying all of the calls."""
    found = [("curl", "\n".join(as_curl(call, host) for call in calls))]
    if all(call.client is not None for call in calls):
        found.append(("Python", as_python(calls, host)))
    if all(call.command is not None for call in calls):
        found.append(("manage.py", "\n".join(as_command(call) for call in calls)))
    return found


def as_curl(call: Call, host: str) -> str:
    address = f"{host}{call.path}" + (f"?{urlencode(call.query)}" if call.query else "")
    parts = ["curl", *([] if call.method == "GET" else ["-X", call.method]), shlex.quote(address)]
    parts += ["-H", '"Authorization: Bearer $AIRFLOW_TOKEN"']
    if call.body is not None:
        parts += [
            "-H",
            "'Content-Type: application/json'",
            "-d",
            _unhidden(shlex.quote(json.dumps(call.body, ensure_ascii=False))),
        ]
    return " ".join(parts)


def _unhidden(text: str) -> str:
    """A quoted text that takes its secrets from the shell's environment."""
    for name in HIDDEN:
        text = text.replace(MARK.format(name), f"""'"${name}"'""")
    return text


def as_command(call: Call) -> str:
    line = shlex.join(("python", "manage.py", *(call.command or ())))
    return f'printf %s "${call.stdin}" | {line}' if call.stdin else line


def as_python(calls: list[Call], host: str) -> str:
    """A program for Airflow's own client."""
    lines = [
        "import os",
        "",
        "import airflow_client.client as airflow",
        "from airflow_client.client import api",
        "",
        f'configuration = airflow.Configuration(host={host!r}, access_token=os.environ["AIRFLOW_TOKEN"])',
        "with airflow.ApiClient(configuration) as client:",
    ]
    return "\n".join([*lines, *(f"    {_python_call(call)}" for call in calls)])


def _python_call(call: Call) -> str:
    assert call.client is not None
    given = [repr(each) for each in call.client.arguments]
    if call.client.model:
        body = pformat(call.body, width=10_000, sort_dicts=False)
        for name in HIDDEN:
            body = body.replace(repr(MARK.format(name)), f'os.environ["{name}"]')
        given.append(f"airflow.{call.client.model}.from_dict({body})")
    given += [f"{name}={_value(name, call)!r}" for name in dict.fromkeys(name for name, _ in call.query)]
    line = f"api.{call.client.api}(client).{call.client.method}({', '.join(given)})"
    return f"print({line})" if call.method == "GET" else line


def _value(name: str, call: Call) -> Any:
    values = [value for each, value in call.query if each == name]
    if name in SINGLE:
        return READ.get(name, str)(values[0])
    return values


READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("limit", "offset", "map_index"), int),
    "all_map_indices": lambda text: text == "true",
}
SINGLE = {"tags_match_mode", "paused", "is_favorite", "has_import_errors", *READ}
