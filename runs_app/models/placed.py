"""What has a place among the instances of a task."""

from __future__ import annotations

from orchestrator.core.branches import depth_of, label, name


class Placed:
    """A row with a task and a map index; ``version_id`` is the DAG version that says at how many levels it is mapped."""

    task_id: str
    map_index: int

    def _version_pk(self) -> int | None:
        """The version by which the index is read."""
        pk: int | None = self.version_id  # type: ignore[attr-defined]
        return pk

    @property
    def levels(self) -> int:
        """At how many levels of mapping its task stands, in its version."""
        from dags_app.versions import load_spec

        pk = self._version_pk()
        return depth_of(load_spec(pk), self.task_id) if pk is not None else 0

    @property
    def place(self) -> str:
        """Its map index as people read it; nothing where it is not mapped."""
        return label(self.map_index, self.levels) if self.map_index != -1 else ""

    @property
    def task_name(self) -> str:
        """Its task and where it stands in it."""
        return name(self.task_id, self.map_index, self.levels) if self.map_index != -1 else self.task_id


class PlacedInRun(Placed):
    """One that is read by its run's version."""

    def _version_pk(self) -> int | None:
        pk: int | None = self.run.version_id  # type: ignore[attr-defined]
        return pk
