"""Testing DAGs in milliseconds: a whole run by the real rules, without database, servers or processes."""

from __future__ import annotations

from .clock import VirtualClock
from .loading import load_dags
from .outcome import Outcome
from .run import run

__all__ = ["Outcome", "VirtualClock", "load_dags", "run"]
