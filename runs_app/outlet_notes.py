"""What a task noted about its outlets, as its process told it: read with distrust, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from dags_app.asset_documents import LONGEST, MOST_BYTES

Json = Any
Key = tuple[str, str]
LONGEST_KEY = 250
MOST = 10_000
"""Events that one task may make."""


class BadNote(ValueError):
    """What was noted cannot be stored; the message says which asset and why."""


@dataclass(frozen=True, slots=True)
class Note:
    """One event to be: of an outlet, or of an asset announced under the alias of one."""

    key: Key
    extra: Json
    partition_key: str | None = None
    alias: str | None = None
    group: str = "asset"
    asset_extra: Json = None


def read(found: Json) -> list[Note]:
    """Return what a task noted.

    Raises:
        BadNote: it cannot be stored.
    """
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MOST:
        raise BadNote(f"a task makes at most {MOST} asset events")
    return [_note(each) for each in found]


def _note(each: Json) -> Note:
    if not isinstance(each, Mapping) or "asset" not in each:
        raise BadNote("an asset event names no asset")
    extra = _extra(each.get("extra"), each["asset"])
    if "alias" not in each:
        return Note(_key(each["asset"]), extra, _partition_key(each.get("partition_key")))
    about = each["asset"]
    if not isinstance(about, Mapping) or not isinstance(each["alias"], str):
        raise BadNote("an alias announces something that is no asset")
    group = about.get("group")
    return Note(
        _key([about.get("name"), about.get("uri")]),
        extra,
        alias=each["alias"],
        group=group if isinstance(group, str) and len(group) <= LONGEST else "asset",
        asset_extra=_extra(about.get("extra"), about),
    )


def _key(found: Json) -> Key:
    texts = isinstance(found, Sequence) and len(found) == 2 and all(isinstance(each, str) and each for each in found)
    if not texts or max(map(len, found)) > LONGEST or len("".join(found).encode("utf-8", "replace")) > MOST_BYTES:
        raise BadNote(f"{str(found)[:200]} is no name and URI of at most {LONGEST} characters each")
    if any("\0" in each for each in found):
        raise BadNote("an asset's name and URI hold no NUL characters")
    return found[0], found[1]


def _extra(found: Json, asset: Json) -> Json:
    if found is None:
        return {}
    text = json.dumps(found)
    if not isinstance(found, Mapping) or len(text) > settings.ORCH.xcom_max_bytes:
        raise BadNote(
            f"the extra of an event of {str(asset)[:200]} must be an object of at most {settings.ORCH.xcom_max_bytes} bytes"
        )
    if "\\u0000" in text or "\\ud" in text:
        raise BadNote(f"the extra of an event of {str(asset)[:200]} holds characters that cannot be stored")
    return dict(found)


def _partition_key(found: Json) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str) or not found.strip() or len(found) > LONGEST_KEY or "\0" in found:
        raise BadNote(f"partition_key {str(found)[:200]!r} must be a text of 1 to {LONGEST_KEY} characters")
    return found
