"""Notifiers: callbacks that are objects with template fields."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import Any


class BaseNotifier:
    """``on_failure_callback=MyNotifier(...)``: renders its fields with the task's context, then calls ``notify``."""

    template_fields: Collection[str] = ()
    template_ext: Collection[str] = ()

    def __init__(self, context: Any = None, **kwargs: Any) -> None:
        self.context: Any = context or {}

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"{type(self).__module__}.{type(self).__qualname__}")

    def notify(self, context: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} defines no notify(context)")

    async def async_notify(self, context: Any) -> None:
        """Where a triggerer calls it; unless overridden, ``notify`` in a thread, so that it holds nobody up."""
        import asyncio

        await asyncio.to_thread(self.notify, context)

    def __await__(self) -> Any:
        """``await MyNotifier(context, ...)``."""
        self.render_template_fields(self.context)
        return self.async_notify(self.context).__await__()

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        from .templating import environment, render_value

        env = jinja_env or environment(context.get("dag") or _no_dag(), None)
        for name in self.template_fields:
            value = getattr(self, name, None)
            if value:
                setattr(self, name, render_value(self, value, context, env))

    def get_template_env(self, dag: Any = None) -> Any:
        from .templating import environment

        return environment(dag or _no_dag(), None)

    def _do_render_template_fields(
        self, parent: Any, template_fields: Iterable[str], context: Any, jinja_env: Any, seen_oids: set[int]
    ) -> None:
        """Notifiers of packages call this for what they fill in late."""
        from .templating import render_attributes

        render_attributes(self, parent, template_fields, context, jinja_env, seen_oids)

    def __call__(self, *args: Any) -> None:
        import copy

        context = args[0] if len(args) == 1 else {"dag": args[0], "task_list": args[1], "blocking_task_list": args[2]}
        # One object serves many task instances: what is rendered for one must not be what the next starts from.
        mine = copy.copy(self)
        mine.context = context
        mine.render_template_fields(context)
        try:
            mine.notify(context)
        except Exception:  # as in Airflow: that nobody could be told is no reason to fail
            self.log.exception("Failed to send notification")


def _no_dag() -> Any:
    """What templates are rendered by where no DAG is at hand: in the triggerer."""
    from .definition import DAG

    return DAG("none")
