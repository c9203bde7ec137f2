"""Links beside a task on its page."""

from __future__ import annotations

from typing import Any


class BaseOperatorLink:
    """A named link; ``xcom_key`` says under which key the task pushed its address."""

    name: str = ""

    @property
    def xcom_key(self) -> str:
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        raise NotImplementedError(f"{type(self).__name__} defines no get_link()")
