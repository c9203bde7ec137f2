"""The Django admin: what is stored, as it is stored, and the actions that people may take on it.

It stands above the apps because every action goes through :mod:`runs_app.actions` and every right
through :mod:`orchestrator.access`. Django imports this package by its name.
"""

from . import accounts, around, assets, definitions, history, registry

__all__ = ["accounts", "around", "assets", "definitions", "history", "registry"]
