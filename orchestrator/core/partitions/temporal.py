"""Mappers of keys that are times: to the start of the hour, day, week, month, quarter or year around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from .mappers import KINDS, Json, PartitionMapper
from .windows import Window

DIGITS = {"%Y": 4, **dict.fromkeys(("%m", "%d", "%H", "%M", "%S", "%V", "%U", "%W"), 2)}


def key_pattern(layout: str, placeholders: Mapping[str, str] | None = None) -> re.Pattern[str]:
    """Return the pattern that reads back what a layout wrote, with a named group for each of its parts.

    Raises:
        ValueError: a part stands twice, or is no name.
    """
    parts: list[str] = []
    seen: set[str] = set()
    for piece in re.split(r"(%[A-Za-z]|\{[^}]*\})", layout):
        name = piece[1:] if piece in DIGITS else piece[1:-1] if piece.startswith("{") and piece.endswith("}") else ""
        if not name and not piece.startswith("{"):
            parts.append(re.escape(piece))
            continue
        if not name.isidentifier():
            raise ValueError(f"output_format {layout!r} has invalid placeholder {piece}")
        if name in seen:
            raise ValueError(f"output_format {layout!r} reuses {piece}: each part may stand once")
        seen.add(name)
        found = rf"\d{{{DIGITS[piece]}}}" if piece in DIGITS else (placeholders or {}).get(name, r"\w+")
        parts.append(f"(?P<{name}>{found})")
    return re.compile("".join(parts))


class StartOfMapper(PartitionMapper):
    """Base of these mappers: ``input_format`` reads the event's key, ``output_format`` writes the consumer's."""

    expected_decoded_type = datetime
    default_output_format: ClassVar[str] = ""

    def __init__(
        self,
        *,
        timezone: Any = "UTC",
        input_format: str = "%Y-%m-%dT%H:%M:%S",
        output_format: str | None = None,
        max_downstream_keys: int | None = None,
    ) -> None:
        from orchestrator.core.timetables.cron import zone_name

        super().__init__(max_downstream_keys=max_downstream_keys)
        self.timezone = zone_name(timezone)
        self.zone = ZoneInfo(self.timezone)
        self.input_format, self.output_format = input_format, output_format or self.default_output_format

    def normalize(self, date: datetime) -> datetime:
        """The start of the period around a time."""
        raise NotImplementedError

    def format(self, date: datetime) -> str:
        return date.strftime(self.output_format)

    def aware(self, date: datetime) -> datetime:
        """A time in this mapper's zone; one that the spring change leaves out is as much later."""
        if date.tzinfo is not None:
            return date.astimezone(self.zone)
        return date.replace(tzinfo=self.zone).astimezone(UTC).astimezone(self.zone)

    def to_downstream(self, key: str) -> str:
        return self.format(self.normalize(self.aware(datetime.strptime(key, self.input_format))))

    def decode_downstream(self, downstream_key: str) -> datetime:
        return datetime.strptime(downstream_key, self.output_format)

    def to_partition_date(self, downstream_key: str) -> datetime:
        return self.aware(self.normalize(self.decode_downstream(downstream_key)))

    def encode_upstream(self, decoded: datetime) -> str:
        naive = decoded.astimezone(self.zone).replace(tzinfo=None) if decoded.tzinfo is not None else decoded
        return self.aware(naive).strftime(self.input_format)

    def fields(self) -> Json:
        return {"timezone": self.timezone, "input_format": self.input_format, "output_format": self.output_format}


class StartOfHourMapper(StartOfMapper):
    kind, default_output_format = "hour", "%Y-%m-%dT%H"

    def normalize(self, date: datetime) -> datetime:
        return date.replace(minute=0, second=0, microsecond=0)


class StartOfDayMapper(StartOfMapper):
    kind, default_output_format = "day", "%Y-%m-%d"

    def normalize(self, date: datetime) -> datetime:
        return date.replace(hour=0, minute=0, second=0, microsecond=0)


class StartOfWeekMapper(StartOfMapper):
    """The Monday of the week; ``output_format`` must hold its year, month and day."""

    kind, default_output_format = "week", "%Y-%m-%d (W%V)"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.pattern = key_pattern(self.output_format)

    def normalize(self, date: datetime) -> datetime:
        return (date - timedelta(days=date.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)

    def decode_downstream(self, downstream_key: str) -> datetime:
        found = self.pattern.fullmatch(downstream_key)
        if found is None or not {"Y", "m", "d"} <= found.groupdict().keys():
            raise ValueError(
                f"{downstream_key!r} cannot be read by {self.output_format!r}, which must hold %Y, %m and %d"
            )
        return datetime(int(found["Y"]), int(found["m"]), int(found["d"]))


class StartOfMonthMapper(StartOfMapper):
    kind, default_output_format = "month", "%Y-%m"

    def normalize(self, date: datetime) -> datetime:
        return date.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


class StartOfQuarterMapper(StartOfMapper):
    """The first day of the quarter; ``{quarter}`` in ``output_format`` is its number."""

    kind, default_output_format = "quarter", "%Y-Q{quarter}"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.pattern = key_pattern(self.output_format, {"quarter": "[1-4]"})

    def normalize(self, date: datetime) -> datetime:
        month = (date.month - 1) // 3 * 3 + 1
        return date.replace(month=month, day=1, hour=0, minute=0, second=0, microsecond=0)

    def format(self, date: datetime) -> str:
        return date.strftime(self.output_format).format(quarter=(date.month - 1) // 3 + 1)

    def decode_downstream(self, downstream_key: str) -> datetime:
        found = self.pattern.fullmatch(downstream_key)
        if found is None or not {"Y", "quarter"} <= found.groupdict().keys():
            raise ValueError(
                f"{downstream_key!r} cannot be read by {self.output_format!r}, which must hold %Y and {{quarter}}"
            )
        return datetime(int(found["Y"]), (int(found["quarter"]) - 1) * 3 + 1, 1)


class StartOfYearMapper(StartOfMapper):
    kind, default_output_format = "year", "%Y"

    def normalize(self, date: datetime) -> datetime:
        return date.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)


class FanOutMapper(PartitionMapper):
    """One key into many: a run for each member of the ``window`` that the event's key stands for."""

    kind = "fan_out"
    usual: ClassVar[dict[str, type[StartOfMapper]]] = {
        "day": StartOfHourMapper,
        "week": StartOfDayMapper,
        "month": StartOfDayMapper,
        "quarter": StartOfMonthMapper,
        "year": StartOfMonthMapper,
    }
    """What writes the members' keys where no mapper is given, by the kind of the window."""

    def __init__(
        self,
        *,
        upstream_mapper: PartitionMapper,
        window: Window,
        downstream_mapper: PartitionMapper | None = None,
        max_downstream_keys: int | None = None,
    ) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        if downstream_mapper is None and window.kind not in self.usual:
            raise ValueError(f"FanOutMapper needs a downstream_mapper for {type(window).__name__}")
        self.upstream_mapper, self.window = upstream_mapper, window
        self.downstream_mapper = downstream_mapper if downstream_mapper is not None else self.usual[window.kind]()

    def to_downstream(self, key: str) -> list[str]:
        coarse = self.upstream_mapper.to_downstream(key)
        if not isinstance(coarse, str):
            raise TypeError("the upstream_mapper of a FanOutMapper must return a single key")
        members = self.window.to_upstream(self.upstream_mapper.decode_downstream(coarse))
        write = getattr(self.downstream_mapper, "format", None)
        found = [write(each) if write else each.isoformat() if hasattr(each, "isoformat") else each for each in members]
        return [str(each) for each in found]

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        return self.downstream_mapper.to_partition_date(downstream_key)

    def fields(self) -> Json:
        return {
            "upstream_mapper": self.upstream_mapper.to_json(),
            "window": self.window.to_json(),
            "downstream_mapper": self.downstream_mapper.to_json(),
        }


KINDS.update(
    {
        each.kind: each
        for each in (
            *(StartOfHourMapper, StartOfDayMapper, StartOfWeekMapper, StartOfMonthMapper, StartOfQuarterMapper),
            *(StartOfYearMapper, FanOutMapper),
        )
    }
)
