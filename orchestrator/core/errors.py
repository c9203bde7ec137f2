"""Errors that the pure rules raise and DAG authors see."""

from __future__ import annotations


class AirflowTimetableInvalid(ValueError):
    """A schedule that cannot be used; the message names the value and what is wrong with it."""
