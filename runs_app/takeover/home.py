"""``AIRFLOW_HOME``: what its ``airflow.cfg`` says, and what of it has no meaning here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.compat import airflow_cfg

from .found import Unreadable

SETTINGS_FILE = "airflow_settings.yaml"


@dataclass(slots=True)
class Home:
    """Where the database is and how its secrets are read; both may hold a password."""

    database: str = ""
    fernet_key: str = ""
    settings_file: str = ""
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Home({self.settings_file!r})"


def read(folder: str) -> Home:
    """Read the folder's ``airflow.cfg``, else look for what there is without one.

    Raises:
        Unreadable: nothing of an Airflow installation is there.
    """
    place = Path(folder).expanduser()
    try:
        found = airflow_cfg.read(str(place / airflow_cfg.NAME))
    except ValueError as error:
        raise Unreadable(str(error)) from None
    home = Home()
    home.database = found.get(("database", "sql_alchemy_conn")) or found.get(("core", "sql_alchemy_conn"), "")
    home.fernet_key = found.get(("core", "fernet_key"), "")
    if not home.database and (place / "airflow.db").is_file():
        home.database = f"sqlite:///{(place / 'airflow.db').absolute()}"
    if (place / SETTINGS_FILE).is_file():
        home.settings_file = str(place / SETTINGS_FILE)
    if not home.database and not home.settings_file:
        raise Unreadable(f"{place} has neither airflow.cfg, airflow.db nor {SETTINGS_FILE}")
    home.notes = notes_of(found)
    return home


def notes_of(found: airflow_cfg.Settings) -> list[str]:
    """What the settings of an ``airflow.cfg`` become here, as far as somebody is likely to miss them."""
    said, notes = airflow_cfg.meant(found), []
    for (section, key), ours in airflow_cfg.MEANT.items():
        if (section, key) in said:
            notes.append(f"airflow.cfg [{section}] {key} counts with AIRFLOW_HOME set{f', as {ours}' if ours else ''}")
    for (section, key), instead in airflow_cfg.INSTEAD.items():
        if (section, key) in said:
            notes.append(f"airflow.cfg [{section}] {key} has no meaning here: {instead}")
    return notes
