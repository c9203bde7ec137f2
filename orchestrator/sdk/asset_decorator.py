"""``@asset``: a function that makes an asset, as a DAG of one task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

from .assets import Asset, AssetAll, BaseAsset
from .definition import DAG

NOT_INLETS = ("self", "context", "outlet_events")


class _DagOptions:
    """The arguments of the DAG that is made around the function."""

    def __init__(
        self,
        *,
        schedule: Any,
        is_paused_upon_creation: bool | None = None,
        dag_id: str | None = None,
        dag_display_name: str | None = None,
        description: str | None = None,
        params: Any = None,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        access_control: Any = None,
        owner_links: dict[str, str] | None = None,
        tags: Collection[str] = (),
    ) -> None:
        self.dag_id = dag_id
        self.options = {
            "schedule": schedule,
            "is_paused_upon_creation": is_paused_upon_creation,
            "dag_display_name": dag_display_name,
            "description": description,
            "params": params,
            "on_success_callback": on_success_callback,
            "on_failure_callback": on_failure_callback,
            "access_control": access_control,
            "owner_links": owner_links,
            "tags": tags,
        }

    def make_dag(self, default_id: str, function: Any, name: str, outlets: list[BaseAsset]) -> None:
        with DAG(self.dag_id or default_id, **self.options):
            _make_task(function, name, outlets)


class asset(_DagOptions):
    """``@asset(schedule=...)`` makes the function's asset; its parameters name the assets it reads."""

    def __init__(
        self,
        *,
        name: str | None = None,
        uri: Any = None,
        group: str = Asset.asset_type,
        extra: dict[str, Any] | None = None,
        watchers: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.name, self.uri, self.group, self.extra, self.watchers = name, uri, group, extra, watchers

    def __call__(self, function: Any) -> AssetDefinition:
        _check_is_global(function)
        return AssetDefinition(function, self)

    class multi(_DagOptions):
        """``@asset.multi(schedule=..., outlets=[...])``: one function that makes several assets."""

        def __init__(self, *, outlets: Collection[BaseAsset], **options: Any) -> None:
            super().__init__(**options)
            self.outlets = list(outlets)

        def __call__(self, function: Any) -> MultiAssetDefinition:
            _check_is_global(function)
            if not self.outlets:
                raise ValueError("no outlets provided")
            return MultiAssetDefinition(function, self)


def _check_is_global(function: Any) -> None:
    if function.__name__ != function.__qualname__:
        raise ValueError("nested function not supported")


class AssetDefinition(Asset):
    """The asset that a decorated function makes."""

    def __init__(self, function: Any, source: asset) -> None:
        name = source.name or function.__name__
        uri = name if source.uri is None else source.uri
        super().__init__(name, uri, group=source.group, extra=source.extra, watchers=source.watchers)
        source.make_dag(self.name, function, self.name, [self])


class MultiAssetDefinition(AssetAll):
    """The assets that a function decorated with ``@asset.multi`` makes, together."""

    def __init__(self, function: Any, source: asset.multi) -> None:
        super().__init__(*source.outlets)
        self.name = function.__name__
        source.make_dag(self.name, function, self.name, source.outlets)


def _make_task(function: Any, name: str, outlets: list[BaseAsset]) -> None:
    from orchestrator.sdk.decorators import TaskFunction

    if isinstance(function, TaskFunction):
        if "outlets" in function.kwargs:
            raise TypeError("@task decorator with 'outlets' argument is not supported in @asset")
        function.override(outlets=outlets)()
        return
    import importlib

    _check_parameters(function)
    inlets = [
        Asset.ref(name=parameter.name)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name not in NOT_INLETS and parameter.default is parameter.empty
    ]
    # By name: operators are above what describes them.
    operator = importlib.import_module("orchestrator.operators.asset").AssetOperator
    operator(
        task_id=function.__name__, python_callable=function, definition_name=name, inlets=inlets, outlets=list(outlets)
    )


def _check_parameters(function: Callable[..., Any]) -> None:
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind == parameter.VAR_POSITIONAL:
            raise TypeError(f"wildcard '*{name}' is not supported in @asset")
        if parameter.kind == parameter.VAR_KEYWORD:
            raise TypeError(f"wildcard '**{name}' is not supported in @asset")
        if parameter.kind == parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            raise TypeError(f"positional-only argument '{name}' without a default is not supported in @asset")
