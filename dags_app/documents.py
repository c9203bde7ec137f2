"""What a parse process says of a DAG, read with distrust: the file's code ran in the process that said it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from orchestrator.core import concurrency_key
from orchestrator.core.concurrency_key import ConcurrencyKeyError
from orchestrator.core.serde import SpecError, dag_from_json, dag_to_json
from orchestrator.core.spec import MANUAL_RUN_DATES, OVERLAP_POLICIES, DagSpec, TaskSpec

from .asset_documents import check_assets

ID = re.compile(r"[\w.-]{1,250}")
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
TIMES = ("start_date", "end_date")
LARGEST_NUMBER = (1 << 31) - 1
LARGEST_WEIGHT = (1 << 62) - 1


@dataclass(frozen=True)
class Document:
    """One DAG that can be stored."""

    spec: DagSpec
    data: dict[str, Any]

    @cached_property
    def identity(self) -> str:
        """The spec as text, without what differs from parse to parse though nobody changed anything.

        That is the places of objects in memory, and dates: ``start_date=datetime.now()`` would otherwise make a
        version at each parse. A date that somebody did change stands in the sources, which are part of a version.
        """
        data = {name: value for name, value in self.data.items() if name not in TIMES}
        data["tasks"] = [
            {name: value for name, value in task.items() if name not in TIMES} for task in data.get("tasks", ())
        ]
        return ADDRESS.sub("", json.dumps(data, sort_keys=True))


def read(data: Mapping[str, Any]) -> Document:
    """Check a document and return it as data that any database takes.

    Raises:
        SpecError: it is no spec, or holds something that cannot be stored.
    """
    try:
        spec = dag_from_json(data)
        _check(spec)
        plain = dag_to_json(spec)
        text = json.dumps(plain, allow_nan=False, ensure_ascii=False)
        text.encode()
    except SpecError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise SpecError(f"the DAG cannot be stored: {type(error).__name__}: {error}") from error
    if NUL.search(text):
        raise SpecError(f"DAG {spec.dag_id!r} holds a text with a NUL character, which databases do not store")
    return Document(spec, plain)


def _check(spec: DagSpec) -> None:
    _check_id("dag_id", spec.dag_id)
    for name in ("max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs"):
        _check_number(f"DAG {spec.dag_id!r}: {name}", getattr(spec, name))
    if spec.manual_run_dates not in (None, *MANUAL_RUN_DATES):
        raise SpecError(
            f"DAG {spec.dag_id!r}: manual_run_dates {spec.manual_run_dates!r} is none of {MANUAL_RUN_DATES}"
        )
    if spec.overlap_policy not in OVERLAP_POLICIES:
        raise SpecError(f"DAG {spec.dag_id!r}: overlap_policy {spec.overlap_policy!r} is none of {OVERLAP_POLICIES}")
    for tag in spec.tags:
        if not isinstance(tag, str) or not 0 < len(tag) <= 100:
            raise SpecError(f"DAG {spec.dag_id!r}: tag {tag!r} must be a text of 1 to 100 characters")
    _check_texts(spec.dag_id, (spec.description, spec.display_name, spec.doc_md), "its texts")
    check_assets(spec)
    _check_texts(spec.dag_id, (*spec.owners, *spec.template_searchpath, spec.timezone), "owners and paths")
    if not isinstance(spec.timetable, Mapping) or not isinstance(spec.params, Mapping):
        raise SpecError(f"DAG {spec.dag_id!r}: timetable and params must be objects")
    for key, task in spec.tasks.items():
        if key != task.task_id:
            raise SpecError(f"DAG {spec.dag_id!r}: task {task.task_id!r} is filed under {key!r}")
        _check_task(spec, task)
    for group in spec.groups.values():
        _check_number(f"DAG {spec.dag_id!r}: group {group.group_id!r}: retries", group.retries)
        if group.parent_id is not None and group.parent_id not in spec.groups:
            raise SpecError(f"DAG {spec.dag_id!r}: group {group.group_id!r} is in unknown group {group.parent_id!r}")


def _check_task(spec: DagSpec, task: TaskSpec) -> None:
    where = f"DAG {spec.dag_id!r}: task {task.task_id!r}"
    _check_id("task_id", task.task_id)
    unknown = [each for each in task.upstream if each not in spec.tasks]
    if unknown:
        raise SpecError(f"{where} is downstream of {unknown[0]!r}, which is no task of the DAG")
    if task.group_id is not None and task.group_id not in spec.groups:
        raise SpecError(f"{where} is in unknown group {task.group_id!r}")
    for name in ("retries", "pool_slots", "concurrency_limit"):
        _check_number(f"{where}: {name}", getattr(task, name))
    for name in ("priority_weight", "effective_weight"):
        _check_number(f"{where}: {name}", getattr(task, name), -LARGEST_WEIGHT, LARGEST_WEIGHT)
    for weight in task.try_weights:
        _check_number(f"{where}: try_weights", weight, -LARGEST_WEIGHT, LARGEST_WEIGHT)
    for name in ("pool", "queue"):
        value = getattr(task, name)
        if not isinstance(value, str) or not 0 < len(value) <= 250:
            raise SpecError(f"{where}: {name} must be a text of 1 to 250 characters")
    _check_texts(spec.dag_id, task.template_files, "template files")
    if task.concurrency_key is not None:
        try:
            concurrency_key.parse(task.concurrency_key)
        except (ConcurrencyKeyError, TypeError) as error:
            raise SpecError(f"{where}: concurrency_key: {error}") from error


def _check_id(name: str, value: Any) -> None:
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise SpecError(f"{name} {value!r} must be 1 to 250 letters, digits, dashes, dots and underscores")


def _check_number(what: str, value: Any, least: int = 0, most: int = LARGEST_NUMBER) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SpecError(f"{what} must be a whole number from {least} to {most}, not {value!r}")


def _check_texts(dag_id: str, values: Iterable[Any], what: str) -> None:
    for value in values:
        if value is not None and not isinstance(value, str):
            raise SpecError(f"DAG {dag_id!r}: {what} must be texts, not {type(value).__name__}")
