"""Ids of rows as Airflow's clients and task code know them."""

from __future__ import annotations


def opaque_id(pk: int) -> str:
    """A row's id in the form that clients check for: a UUID."""
    return f"00000000-0000-0000-{pk >> 48:04x}-{pk & 0xFFFF_FFFF_FFFF:012x}"
