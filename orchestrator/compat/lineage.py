"""Where hooks note which data they read and wrote. Assets are declared by tasks here, so the notes end with the task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class AssetLineageInfo:
    """One asset that a hook touched, and how often."""

    asset: Any
    count: int = 1
    context: Any = None


@dataclass
class HookLineage:
    """All that the hooks of a task touched."""

    inputs: list[AssetLineageInfo] = field(default_factory=list)
    outputs: list[AssetLineageInfo] = field(default_factory=list)
    extra: list[Any] = field(default_factory=list)


class HookLineageCollector:
    """Takes notes and hands them out."""

    def __init__(self, **kwargs: Any) -> None:
        self._lineage = HookLineage()
        self._extra: dict[str, Any] = {}
        """Its presence tells packages that ``add_extra`` is at home here and need not be put in."""

    @property
    def collected_assets(self) -> HookLineage:
        return self._lineage

    @property
    def has_collected(self) -> bool:
        return bool(self._lineage.inputs or self._lineage.outputs or self._lineage.extra)

    def create_asset(
        self,
        *,
        scheme: Any = None,
        uri: Any = None,
        name: Any = None,
        group: Any = None,
        extra: Any = None,
        **rest: Any,
    ) -> Any:
        """Return the asset, or None where a hook knows no address to name it by."""
        from orchestrator.sdk.assets import Asset

        if uri is None and name is None:
            return None
        return Asset(uri=uri, name=name or uri, extra=extra)

    def add_input_asset(self, context: Any, **asset: Any) -> None:
        self._note(self._lineage.inputs, context, asset)

    def add_output_asset(self, context: Any, **asset: Any) -> None:
        self._note(self._lineage.outputs, context, asset)

    def _note(self, notes: list[AssetLineageInfo], context: Any, asset: dict[str, Any]) -> None:
        made = self.create_asset(**asset)
        if made is None:
            return
        for each in notes:
            if each.asset == made:
                each.count += 1
                return
        notes.append(AssetLineageInfo(made, context=context))

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        self._lineage.extra.append((key, value))


class NoOpCollector(HookLineageCollector):
    """Takes no notes: a task's hooks may touch millions of things, and nobody reads of them."""

    def _note(self, notes: list[AssetLineageInfo], context: Any, asset: dict[str, Any]) -> None:
        return

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        return


class HookLineageReader:
    """Reads what was collected; a plugin may bring one."""

    def __init__(self, **kwargs: Any) -> None:
        self.lineage_collector = get_hook_lineage_collector()

    def retrieve_hook_lineage(self) -> HookLineage:
        return self.lineage_collector.collected_assets


_collector = NoOpCollector()


def get_hook_lineage_collector() -> HookLineageCollector:
    return _collector
