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


class SmoothOperator(BaseOperator):
    """Says where to hear Sade."""

    ui_color = "#e8f7e4"
    yt_link = "https://www.youtube.com/watch?v=4TYv2PhG89A"

    def execute(self, context: Any) -> None:
        self.log.info("Enjoy Sade - Smooth Operator: %s", self.yt_link)
