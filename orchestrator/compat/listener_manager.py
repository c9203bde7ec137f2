"""``get_listener_manager``: packages tell listeners of things through it. Ours are called by the engine itself."""

from __future__ import annotations

from typing import Any


class _Hook:
    def __getattr__(self, name: str) -> Any:
        return lambda **kwargs: []


class ListenerManager:
    """Passes nothing on: what a package reports beside the engine's own events has no reader here."""

    has_listeners = False
    hook = _Hook()

    def add_listener(self, listener: Any) -> None:
        """Listeners come with plugins; one that is added while a task runs would hear of nothing."""

    def clear(self) -> None:
        pass


_manager = ListenerManager()


def get_listener_manager() -> ListenerManager:
    return _manager
