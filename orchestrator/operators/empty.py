"""A task that does nothing."""

from __future__ import annotations

from typing import Any

from orchestrator.sdk.operator import BaseOperator


class EmptyOperator(BaseOperator):
    """Groups arrows; decided in the engine, without a process."""

    ui_color = "#e8f7e4"
    inline = "empty"

    def execute(self, context: Any) -> None:
        return None
