"""What becomes of what plugins answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from dags_app.models import PluginCall

from . import own_mappers, own_references
from .plugin_questions import MAPPING, REFERENCE

log = logging.getLogger(__name__)

TAKERS = {MAPPING: own_mappers.answered, REFERENCE: own_references.answered}


def answered(call_pk: int, kind: str, asked: Mapping[str, Any], value: Any, error: str | None) -> None:
    """Hand an answer to who asked; called by the DAG processor."""
    taker = TAKERS.get(kind)
    if taker is None:
        log.error("plugin_call_unknown kind=%s", kind)
        PluginCall.objects.filter(pk=call_pk).delete()
    else:
        taker(call_pk, asked, value, error, timezone.now())
