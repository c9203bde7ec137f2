"""Notifiers: callbacks that are objects with template fields."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any


class BaseNotifier:
    """``on_failure_callback=MyNotifier(...)``: renders its fields with the task's context, then calls ``notify``."""

    template_fields: Collection[str] = ()
    template_ext: Collection[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        self.context: Any = {}

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"{type(self).__module__}.{type(self).__qualname__}")

    def notify(self, context: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} defines no notify(context)")

    async def async_notify(self, context: Any) -> None:
        self.notify(context)

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        from .templating import environment, render_value

        env = jinja_env or environment(context["dag"], None)
        for name in self.template_fields:
            value = getattr(self, name, None)
            if value:
                setattr(self, name, render_value(self, value, context, env))

    def __call__(self, *args: Any) -> None:
        import copy

        context = args[0] if len(args) == 1 else {"dag": args[0], "task_list": args[1], "blocking_task_list": args[2]}
        # One object serves many task instances: what is rendered for one must not be what the next starts from.
        mine = copy.copy(self)
        mine.context = context
        mine.render_template_fields(context)
        mine.notify(context)
