"""What one setting of the environment is, and how its text is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``name`` in the environment, ``attribute`` on ``settings.ORCH``."""

    name: str
    attribute: str
    read: Callable[[str], Any]
    default: Any
    help: str


class SettingError(ValueError):
    """A value in the environment cannot be read; the message names it and what it must be."""


def yes_or_no(text: str) -> bool:
    """Read a boolean the way Airflow's configuration does."""
    if text.strip().lower() in {"1", "true", "t", "yes", "y", "on"}:
        return True
    if text.strip().lower() in {"0", "false", "f", "no", "n", "off", ""}:
        return False
    raise ValueError("true or false")


def path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def words(text: str) -> list[str]:
    return [each for each in text.replace(",", " ").split() if each]
