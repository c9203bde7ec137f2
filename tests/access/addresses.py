"""The address of each page there is, made from the table of routes: a page is walked by tests once it stands there."""

from __future__ import annotations

from typing import Any

from . import routes
from .test_matrix import THERE, fill

NO_PAGE = (".json", ".txt", "/export", "/log", "/log/find", "favicon.ico", "search")
"""What the addresses of data and of parts end with."""


def addresses(made: dict[str, Any]) -> list[str]:
    """Return the address of each page there is, with the world's ids."""
    found = []
    for route, methods in sorted(routes.PAGES.items()):
        if "get" not in methods or route.endswith(NO_PAGE) or route in routes.old_addresses.routes():
            continue
        ids = {**THERE, **made}
        found.append("/" + fill(route, {**ids, "task_id": "m", "map_index": 0} if "mapped" in route else ids))
    return found
