"""Telling listeners of plugins that a part of the installation starts or stops."""

from __future__ import annotations

import logging
import os
import socket

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from dags_app import plugin_calls
from orchestrator.runtime.plugins import files_of

log = logging.getLogger(__name__)

JOBS = {
    "beat": "SchedulerJob",
    "triggerer": "TriggererJob",
    "processor": "DagProcessorJob",
    "slot": "WorkerJob",
    "web": "WebJob",
}
"""Kind of a process -> the ``job_type`` by which listeners know it; the first three are Airflow's."""


def starts(kind: str) -> None:
    _tell("on_starting", kind)


def stops(kind: str) -> None:
    _tell("before_stopping", kind)


def _tell(hook: str, kind: str) -> None:
    """Nothing of this may keep a process from starting or stopping."""
    if kind not in JOBS:
        return
    try:
        if not plugin_calls.heard(hook) and not (hook == "on_starting" and _may_come()):
            return
        component = {"job_type": JOBS[kind], "hostname": socket.gethostname(), "pid": os.getpid()}
        plugin_calls.tell(hook, [{"component": component}], timezone.now())
    except (DatabaseError, InterfaceError, OSError) as error:
        log.warning("component_not_told hook=%s kind=%s error=%s", hook, kind, error)


def _may_come() -> bool:
    """Whether there are plugins that nobody has loaded yet, as at the very first start."""
    return any(path.endswith(".py") for path in files_of(str(settings.ORCH.plugins_folder)))
