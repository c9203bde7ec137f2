"""How much there is of everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sizes:
    """``until`` is when the history ends; with the same sizes and ``seed`` it is the same history."""

    until: datetime
    seed: int = 7
    dags: int = 500
    grid_tasks: int = 100
    lake_tasks: int = 1000
    runs: int = 365
    few_runs: int = 25  # of each of the other DAGs
    mapped: int = 10_000
    log_bytes: int = 1_000_000_000


GRID, LAKE, MAPPED, LOG = "warehouse_nightly", "lake_refresh", "thumbnails", "export_ledger"
"""The DAGs of ``grid_tasks``, of ``lake_tasks``, of the wide run and of the long log."""
