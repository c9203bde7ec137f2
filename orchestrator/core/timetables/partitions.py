"""Timetables whose runs are each for one partition: by the clock, by assets, or as whoever triggers them says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.assets import Json, expression_of, leaves
from orchestrator.core.partitions import IdentityMapper, PartitionMapper, mapper_from_json

from .assets import AssetTriggeredTimetable
from .base import DataInterval, NextRun, Restriction, TimetableError
from .cron import CronTriggerTimetable
from .simple import NullTimetable


class PartitionedAtRuntime(NullTimetable):
    """Runs only when asked, for the partition that is given then; tasks may find further ones."""

    type = "partitioned_at_runtime"
    summary = "PartitionedAtRuntime"
    description = "Never, partition key(s) set at runtime"
    takes_keys = True

    def partition_date(self, key: str) -> datetime | None:
        return None


class CronPartitionTimetable(CronTriggerTimetable):
    """Runs at the times of the expression, each for the partition ``run_offset`` times further on (or back)."""

    type = "cron_partition"
    is_partitioned = takes_keys = True

    def __init__(
        self,
        cron: str,
        *,
        timezone: Any,
        run_offset: int | None = None,
        run_immediately: Any = False,
        key_format: str = "%Y-%m-%dT%H:%M:%S",
    ) -> None:
        super().__init__(cron, timezone, run_immediately=run_immediately)
        if isinstance(run_offset, bool) or not isinstance(run_offset, (int, type(None))):
            raise TimetableError(f"run_offset must be a whole number, not {run_offset!r}")
        self.run_offset, self.key_format = run_offset or 0, key_format

    def next_run(self, *, last: DataInterval | None, restriction: Restriction, now: datetime) -> NextRun | None:
        found = super().next_run(last=last, restriction=restriction, now=now)
        if found is None:
            return None
        date, key = self.partition_of(found.run_after)
        return replace(found, partition_key=key, partition_date=date)

    def partition_of(self, run_after: datetime) -> tuple[datetime, str]:
        """Return the partition of the run at a time of the expression: when it begins, and its key."""
        date = run_after.astimezone(UTC)
        for _ in range(abs(self.run_offset)):
            date = self.cron.after(date) if self.run_offset > 0 else self.cron.before(date)
        return date, date.astimezone(self.cron.zone).strftime(self.key_format)

    def partitions_between(self, first: datetime, last: datetime) -> Iterator[NextRun]:
        """The partitions that begin in a range, both ends included, each with a run that is due when it begins.

        By their dates alone: ``run_offset`` says when a scheduled run of theirs comes, and these come by asking.
        """
        date = self.cron.at_or_after(first)
        while date <= last:
            key = date.astimezone(self.cron.zone).strftime(self.key_format)
            yield NextRun(date, date, DataInterval.exact(date), key, date)
            date = self.cron.after(date)

    def partition_date(self, key: str) -> datetime:
        """Read a key back.

        Raises:
            ValueError: it is not of the form of ``key_format``.
        """
        return datetime.strptime(key, self.key_format).replace(tzinfo=self.cron.zone).astimezone(UTC)

    def to_json(self) -> dict[str, Any]:
        found = {**super().to_json(), "key_format": self.key_format}
        return {**found, "run_offset": self.run_offset} if self.run_offset else found


class PartitionedAssetTimetable(AssetTriggeredTimetable):
    """A run for each key whose events have arrived; mappers say which keys of the assets belong together."""

    type = "partitioned_assets"
    summary = "Partitioned Asset"
    is_partitioned = takes_keys = True

    def __init__(
        self,
        *,
        assets: Any,
        partition_mapper_config: Mapping[Any, PartitionMapper] | None = None,
        default_partition_mapper: PartitionMapper | None = None,
    ) -> None:
        super().__init__(assets)
        self.default_mapper = default_partition_mapper or IdentityMapper()
        self.mappers: dict[tuple[str, str], PartitionMapper] = {}
        for thing, mapper in (partition_mapper_config or {}).items():
            if not isinstance(mapper, PartitionMapper):
                raise TimetableError(f"partition_mapper_config: {mapper!r} is no partition mapper")
            for kind, about in leaves(thing if isinstance(thing, dict) else expression_of(thing)):
                if kind == "alias":
                    raise TimetableError("partition_mapper_config: partitions of asset aliases are not supported")
                for field in ("name", "uri"):
                    if field in about:
                        self.mappers[field, about[field]] = mapper

    def mapper_for(self, name: str = "", uri: str = "") -> PartitionMapper:
        """Return the mapper of an asset."""
        found = self.mappers.get(("name", name)) or self.mappers.get(("uri", uri))
        return found if found is not None else self.default_mapper

    def own_mappers(self) -> Iterator[PartitionMapper]:
        """The mapper of each asset of the schedule."""
        for kind, about in leaves(self.expression):
            if kind != "alias":
                yield self.mapper_for(about.get("name", ""), about.get("uri", ""))

    def partition_date(self, key: str) -> datetime | None:
        """When the partition begins, where the mappers agree about it.

        Raises:
            ValueError: a mapper cannot read the key.
        """
        dates = {date for mapper in self.own_mappers() if (date := mapper.to_partition_date(key)) is not None}
        return dates.pop().astimezone(UTC) if len(dates) == 1 else None

    def fingerprint(self) -> Json:
        """What keys that are being collected depend on: with other mappers they would mean something else."""
        return {name: value for name, value in self.to_json().items() if name in {"mappers", "default_mapper"}}

    def to_json(self) -> dict[str, Any]:
        try:
            pairs = [[field, value, mapper.to_json()] for (field, value), mapper in sorted(self.mappers.items())]
            return {**super().to_json(), "mappers": pairs, "default_mapper": self.default_mapper.to_json()}
        except TypeError as error:
            raise TimetableError(str(error)) from error

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PartitionedAssetTimetable:
        """Return the timetable that :meth:`to_json` described.

        Raises:
            TimetableError: a mapper that is none of ours.
        """
        try:
            made = cls(assets=document["assets"], default_partition_mapper=mapper_from_json(document["default_mapper"]))
            for field, value, mapper in document["mappers"]:
                made.mappers[field, value] = mapper_from_json(mapper)
        except (KeyError, TypeError, ValueError) as error:
            raise TimetableError(f"the partition mappers cannot be read: {error}") from error
        return made
