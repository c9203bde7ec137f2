"""How code in a task asks for what it may read: connections, variables, XComs, states of runs.

The runtime installs a way to ask its supervisor, ``dag.test()`` one of its own. Without either only
the environment answers, which is what a plain ``python dag_file.py`` sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = Any


class CommsError(RuntimeError):
    """The question could not be answered; the message says which and why."""


_ask: Callable[[str, dict[str, Json]], Json] | None = None


def use(implementation: Callable[[str, dict[str, Json]], Json] | None) -> Callable[[str, dict[str, Json]], Json] | None:
    """Install how questions are answered; return what was installed before."""
    global _ask
    before, _ask = _ask, implementation
    return before


def ask(what: str, **args: Json) -> Json:
    """Ask for ``what``; the answer is JSON.

    Raises:
        CommsError: nothing is there to answer, or the answer was an error.
    """
    if _ask is None:
        raise CommsError(f"{what} can only be asked for while a task runs")
    return _ask(what, args)


def is_connected() -> bool:
    return _ask is not None
