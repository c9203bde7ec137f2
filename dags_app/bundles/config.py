"""Which bundles there are: ``DAGS_FOLDER``, or Airflow's own list of them, read as it is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

LIST = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
INTERVAL = "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL"
DEFAULT_NAME = "dags-folder"
DEFAULT_INTERVAL = 300.0
KINDS = {
    "airflow.dag_processing.bundles.local.LocalDagBundle": "local",
    "airflow.providers.git.bundles.git.GitDagBundle": "git",
    "airflow.dag_processing.bundles.git.GitDagBundle": "git",
}
KNOWN = {
    "local": {"path", "refresh_interval", "view_url_template"},
    "git": {
        *("tracking_ref", "subdir", "git_conn_id", "repo_url", "submodules", "prune_dotgit_folder", "sparse_dirs"),
        *("refresh_interval", "view_url_template"),
    },
}
NAME = re.compile(r"[\w.-]{1,250}", re.ASCII)


class BundleError(ValueError):
    """The settings of a bundle cannot be used; the message says which and what to write."""


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """One bundle as the settings have it."""

    name: str
    kind: str
    path: str = ""  # of a local one
    repo_url: str = ""
    git_conn_id: str = ""
    tracking_ref: str = ""
    subdir: str = ""
    submodules: bool = False
    refresh_seconds: float = DEFAULT_INTERVAL
    view_url_template: str = ""
    environment: str = ""  # the file that its virtual environment is made from; "" = it has none
    facts: Mapping[str, Any] = field(default_factory=dict)


def configured(environ: Mapping[str, str] | None = None) -> list[BundleConfig]:
    """Return the bundles that the settings name.

    Raises:
        BundleError: the list cannot be read.
    """
    environ = os.environ if environ is None else environ
    text = environ.get(LIST, "").strip()
    entries = _read(text) if text else [_default()]
    files = _environments(environ.get("ORCHESTRATOR_BUNDLE_ENVIRONMENTS", ""))
    found: dict[str, BundleConfig] = {}
    for entry in entries:
        made = _bundle(entry, files, _interval(environ.get(INTERVAL)))
        if made.name in found:
            raise BundleError(f"{LIST} has two bundles named {made.name!r}: give each a name of its own")
        found[made.name] = made
    unknown = sorted(files.keys() - found.keys() - {"*"})
    if unknown:
        raise BundleError(f"ORCHESTRATOR_BUNDLE_ENVIRONMENTS names {unknown[0]!r}, and there is no such bundle")
    return list(found.values())


def _default() -> dict[str, Any]:
    return {"name": DEFAULT_NAME, "classpath": next(iter(KINDS)), "kwargs": {"path": str(settings.ORCH.dags_folder)}}


def _read(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BundleError(f"{LIST} is no JSON: {error}") from None
    if not isinstance(found, list) or not found:
        raise BundleError(f"{LIST} must be a list of at least one bundle")
    return found


def _environments(text: str) -> dict[str, str]:
    """``team_a team_b=requirements-dags.txt``: bundle -> the file that its environment is made from."""
    found = {}
    for word in text.replace(",", " ").split():
        name, _, file = word.partition("=")
        found[name] = file or "auto"
    return found


def _interval(text: Any) -> float:
    try:
        return max(1.0, float(text)) if text not in (None, "") else DEFAULT_INTERVAL
    except (TypeError, ValueError):
        raise BundleError(f"a refresh interval must be a number of seconds, not {text!r}") from None


def _bundle(entry: Any, files: Mapping[str, str], interval: float) -> BundleConfig:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not NAME.fullmatch(entry["name"]):
        raise BundleError(f'{LIST}: each bundle needs a "name" of letters, digits, ".", "_" and "-"')
    name, classpath, kwargs = entry["name"], str(entry.get("classpath")), entry.get("kwargs") or {}
    kind = KINDS.get(classpath)
    if kind is None:
        raise BundleError(f"bundle {name!r}: {classpath} is not known; there are {', '.join(KINDS)}")
    if not isinstance(kwargs, dict) or (unknown := sorted(kwargs.keys() - KNOWN[kind])):
        what = f"has no argument {unknown[0]!r}" if isinstance(kwargs, dict) else "needs an object of arguments"
        raise BundleError(f"bundle {name!r}: a {kind} bundle {what}; it takes {', '.join(sorted(KNOWN[kind]))}")
    common = {
        "refresh_seconds": _interval(kwargs["refresh_interval"]) if kwargs.get("refresh_interval") else interval,
        "view_url_template": str(kwargs.get("view_url_template") or ""),
        "environment": files.get(name) or files.get("*") or "",
    }
    return _local(name, kwargs, common) if kind == "local" else _git(name, kwargs, common)


def _local(name: str, kwargs: Mapping[str, Any], common: dict[str, Any]) -> BundleConfig:
    path = str(Path(str(kwargs.get("path") or settings.ORCH.dags_folder)).expanduser().absolute())
    return BundleConfig(name, "local", path=path, facts={"path": path}, **common)


def _git(name: str, kwargs: Mapping[str, Any], common: dict[str, Any]) -> BundleConfig:
    if not kwargs.get("tracking_ref"):
        raise BundleError(f'bundle {name!r}: a git bundle needs "tracking_ref", a branch, a tag or a commit')
    if not kwargs.get("repo_url") and not kwargs.get("git_conn_id"):
        raise BundleError(f'bundle {name!r}: a git bundle needs "repo_url" or "git_conn_id"')
    texts = {key: str(kwargs.get(key) or "") for key in ("tracking_ref", "subdir", "git_conn_id", "repo_url")}
    for key in ("tracking_ref", "repo_url"):
        if texts[key].startswith("-"):  # git would take it for an option
            raise BundleError(f"bundle {name!r}: {key} must not begin with '-'")
    subdir = os.path.normpath(texts["subdir"]) if texts["subdir"] else ""
    if subdir.startswith(("/", "..")):
        raise BundleError(f"bundle {name!r}: subdir must be a folder of the repository")
    texts["subdir"] = "" if subdir == "." else subdir
    facts = {key: without_password(value) for key, value in texts.items() if value}
    return BundleConfig(name, "git", submodules=bool(kwargs.get("submodules")), facts=facts, **texts, **common)


def without_password(text: str) -> str:
    """An address, or a text that holds some, without who and with what."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", text)
