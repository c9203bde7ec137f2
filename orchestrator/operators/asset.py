"""The task inside an ``@asset``."""

from __future__ import annotations

import inspect
from typing import Any

from orchestrator.sdk.asset_events import find_asset

from .python import PythonOperator


class AssetOperator(PythonOperator):
    """Calls the function with the assets that its parameters name; ``self`` is the one it makes."""

    custom_operator_name = "@asset"

    def __init__(self, *, definition_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.definition_name = definition_name

    def determine_kwargs(self, context: Any) -> dict[str, Any]:
        return {name: value for name, value in self._arguments(context)}

    def _arguments(self, context: Any) -> Any:
        for name, parameter in inspect.signature(self.python_callable).parameters.items():
            if parameter.default is not parameter.empty:
                yield name, parameter.default
            elif name == "self":
                yield name, find_asset(name=self.definition_name)
            elif name == "context":
                yield name, context
            elif name == "outlet_events":
                yield name, context["outlet_events"]
            else:
                yield name, find_asset(name=name)
