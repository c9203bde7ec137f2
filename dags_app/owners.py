"""DAGs by their owners."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.db.models import Q


def owned_by(owners: Iterable[str]) -> Q:
    """DAGs of any of these owners, as the databases keep the list: SQLite what json.dumps wrote, PostgreSQL the characters."""
    found = Q()
    for owner in owners:
        found |= Q(owners__icontains=json.dumps(owner)) | Q(owners__icontains=json.dumps(owner, ensure_ascii=False))
    return found
