"""What the pages cost on the reference data: the server's time and bytes, and the browser's time.

Each figure is a function of :data:`FIGURES`: it takes the site and returns the keys that it measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from bench.place import Place
from bench.site import Site, longest, site
from bench.stats import median
from tests.support.standalone import ROOT

GRID, LAKE = "/dags/warehouse_nightly", "/dags/lake_refresh"
EMPTY = "/api/bench/empty"
PAINTED = {
    "dags": "/dags",
    "grid": GRID,
    "lake": LAKE,
    "graph": f"{GRID}/graph",
    "runs": f"{GRID}/runs",
    "tasks": f"{GRID}/tasks",
    "code": f"{GRID}/code",
    "assets": "/assets",
    "required": "/required_actions",
    "all_runs": "/dag_runs",
}
"""The pages whose first paint and weight are looked at."""


def beside_nothing(at: Site) -> dict[str, float]:
    """The API's long lists, and a year of a DAG of 100 tasks, beside an answer that has nothing to say."""
    run = json.loads(at.get("/api/v2/dags/warehouse_nightly/dagRuns?limit=1&state=success")[1])["dag_runs"][0]
    paths = {
        "api_runs": "/api/v2/dags/warehouse_nightly/dagRuns?limit=100",
        "api_instances": f"/api/v2/dags/warehouse_nightly/dagRuns/{quote(run['dag_run_id'])}/taskInstances",
        "api_dags": "/api/v2/dags",
        "grid_data": f"{GRID}/grid.json?runs=365",
    }
    # In turn, so that what else the machine does meanwhile is in all of them.
    took: dict[str, list[float]] = {name: [] for name in (*paths, "empty")}
    for _ in range(10 if at.quick else 60):
        for name, path in (*paths.items(), ("empty", EMPTY)):
            took[name].append(at.get(path)[0])
    found = {name: median(times[1:]) for name, times in took.items()}
    return {
        "empty_view_p50_ms": found["empty"] * 1000,
        "grid_data_kb": len(at.get(paths["grid_data"])[1]) / 1000,
        **{f"{name}_p50_ms": found[name] * 1000 for name in paths},
        **{f"{name}_vs_empty_view": found[name] / found["empty"] for name in paths},
    }


def dag_list(at: Site) -> dict[str, float]:
    """The list with as many DAGs on its page as it shows at most."""
    return {"dag_list_p50_ms": median(at.times("/dags?limit=500")) * 1000}


def paints(at: Site) -> dict[str, float]:
    """When something is first seen of each page, and how much came over the line for all of it, with an empty cache."""
    seen: dict[str, float] = {}
    weights: dict[str, float] = {}
    for name, path in PAINTED.items():
        with at.page() as page:
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            sizes: list[float] = []
            session.on("Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"]))
            page.goto(path, wait_until="networkidle")
            found = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint').map((each) => each.startTime)"
            )
            seen[name], weights[name] = found[0], sum(sizes) / 1000
    return {
        "first_paint_worst_ms": max(seen.values()),
        "page_weight_worst_kb": max(weights.values()),
        **{f"paint_{name}_ms": value for name, value in seen.items()},
    }


def large_grid(at: Site) -> dict[str, float]:
    """A year of a thousand tasks: opened, scrolled, pointed at, clicked."""
    with at.page() as page:
        page.goto(f"{LAKE}?runs=365", wait_until="commit")
        columns = 31 if at.quick else 366
        page.wait_for_selector(f".grid[aria-colcount='{columns}'].drawn .g-row [data-cell]")
        opened = page.evaluate("performance.now()")
        page.wait_for_load_state("networkidle")
        scrolled = longest(page, lambda: _scroll(page))
        return {
            "large_grid_open_ms": opened,
            "large_grid_scroll_longest_ms": scrolled,
            "large_grid_hover_ms": page.evaluate(TAKES, [".g-row:not([hidden]) a[data-cell]", "pointerover", 20]),
            "large_grid_click_ms": page.evaluate(TAKES, ["[data-group]", "click", 6]),
        }


def _scroll(page: Any) -> None:
    """From the newest runs of the first tasks down and to the left, as fast as frames come."""
    page.evaluate(
        """async () => {
          const box = document.querySelector(".grid-scroll"), frame = () => new Promise((go) => requestAnimationFrame(go));
          for (let at = 0; at < 80; at++) { box.scrollTop += 200; await frame(); }
          for (let at = 0; at < 80; at++) { box.scrollLeft -= 90; await frame(); }
        }"""
    )


TAKES = """([where, name, times]) => {
  const took = [];
  for (const element of [...document.querySelectorAll(where)].slice(0, times)) {
    const began = performance.now();
    element.dispatchEvent(new PointerEvent(name, { bubbles: true, cancelable: true }));
    document.querySelector(".grid").getBoundingClientRect();  // what is to be laid out anew counts
    took.push(performance.now() - began);
  }
  return Math.max(...took);
}"""
"""The longest that the page takes to answer an event, layout included."""


def at_full_speed(at: Site) -> dict[str, float]:
    """The grid stays open while all tasks of a run end as fast as the database takes it."""
    with at.page() as page:
        page.goto(LAKE)
        page.wait_for_selector("#live[data-on=true]")
        page.wait_for_load_state("networkidle")

        def run() -> None:
            worker = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "shell", "-c", ENDS_ALL],
                cwd=ROOT,
                env=at.home.environment,
                stdout=subprocess.DEVNULL,
            )
            done = threading.Event()
            threading.Thread(target=lambda: (worker.wait(), done.set()), daemon=True).start()
            while not done.is_set():  # the page's own events have to be let through meanwhile
                page.wait_for_timeout(100)
            if worker.returncode:
                raise AssertionError("the run that should have ended did not")
            page.wait_for_selector(".g-row:not(.g-head) [data-cell]:last-child.st-success")

        return {"full_speed_longest_ms": longest(page, run)}


ENDS_ALL = """
from django.db import transaction
from django.utils import timezone
from orchestrator.core.states import TaskState
from runs_app import actions, notify, transitions
run = actions.trigger_dag("lake_refresh", user=None)
pks = list(run.task_instances.order_by("pk").values_list("pk", flat=True))
for at in range(0, len(pks), 4):
    steps = [transitions.Step(pk, TaskState.NONE, TaskState.SUCCESS, "bench") for pk in pks[at : at + 4]]
    with transaction.atomic():
        transitions.move_many(run.pk, steps, actor="engine", at=timezone.now())
        notify.run_changed(run.pk, run.dag_id)
"""
FIGURES: tuple[Callable[[Site], dict[str, float]], ...] = (beside_nothing, dag_list, paints, large_grid, at_full_speed)


def measure(where: Place) -> None:
    with site(where) as at:
        for figure in FIGURES:
            for key, value in figure(at).items():
                where.set(key, value)
