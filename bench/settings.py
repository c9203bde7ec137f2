"""The installation's settings, and beside its addresses one that has nothing to do: what all others are compared with."""

from orchestrator.settings import *  # noqa: F403

ROOT_URLCONF = "bench.empty"
