"""Airflow's import paths, answered by our own classes; only in parse, task and trigger processes."""

from __future__ import annotations

from .importer import install

__all__ = ["install"]
