"""How long a graph of 1,000 tasks takes to be laid out, in Chromium."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.place import Place
from bench.stats import median

STATIC = Path(__file__).resolve().parents[1] / "static"
TASKS, ROUNDS = 1000, 5
MEASURE = """async (given) => {
  const { layout } = await import('/js/layout.js');
  const began = performance.now();
  const found = layout(given);
  return [performance.now() - began, Object.keys(found.places).length];
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def measure(where: Place) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise RuntimeError("no Chromium here: apt-get install chromium")
    with _served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{address}/js/layout.js")
        for name, given in {"plain": _plain(), "grouped": _grouped()}.items():
            took = []
            for _ in range(2 if where.quick else ROUNDS):
                milliseconds, count = page.evaluate(MEASURE, given)
                assert count >= TASKS, count
                took.append(milliseconds)
            where.set(f"graph_1000_{name}_layout_s", median(took) / 1000)
        browser.close()


@contextmanager
def _served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def _plain() -> dict[str, Any]:
    """Each task waits for one to three of the sixty before it."""
    chance = random.Random(3)
    edges = [
        {"from": f"t{max(0, number - 1 - chance.randrange(60))}", "to": f"t{number}"}
        for number in range(1, TASKS)
        for _ in range(chance.choice((1, 1, 2, 3)))
    ]
    nodes = [{"id": f"t{number}", "parent": None, "width": 150, "height": 44} for number in range(TASKS)]
    return {"nodes": nodes, "edges": edges, "direction": "LR"}


def _grouped() -> dict[str, Any]:
    """The same tasks in twenty open groups."""
    given = _plain()
    for number, node in enumerate(given["nodes"]):
        node["parent"] = f"g{number // 50}"
    groups = [{"id": f"g{number}", "parent": None, "width": 110, "height": 44, "open": True} for number in range(20)]
    return {**given, "nodes": [*groups, *given["nodes"]]}
