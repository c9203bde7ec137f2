"""What was measured, for people and for the next run: a table, and ``bench/latest.json``."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LATEST = Path(__file__).with_name("latest.json")
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure that has a goal; SQLite may be ``slack`` times worse than PostgreSQL."""

    key: str
    limit: float
    behind: tuple[str, ...]
    higher_is_better: bool = False
    slack: float = 1.5

    def bound(self, database: str) -> float:
        if database == "postgresql":
            return self.limit
        return self.limit / self.slack if self.higher_is_better else self.limit * self.slack

    def is_met(self, value: float, database: str) -> bool:
        bound = self.bound(database)
        return value >= bound if self.higher_is_better else value <= bound


GOALS = (
    Goal("chain_gap_vs_celery_hop", 0.5, ("chain_gap_p50_ms", "chain_gap_p95_ms", "celery_hop_p50_ms")),
    Goal("fanout_vs_celery_noop", 0.75, ("fanout_per_s", "celery_noop_per_s"), higher_is_better=True),
    Goal("fanout_no_user_code_vs_celery_noop", 2, ("fanout_no_user_code_per_s",), higher_is_better=True),
    Goal("mapped_vs_celery_noop", 0.75, ("mapped_per_s", "mapped_s", "mapped_pss_mb"), higher_is_better=True),
    Goal("mapped_last_tenth_vs_first", 1.2, (), slack=1),
    Goal("deep_gap_vs_celery_hop", 0.5, ("deep_gap_p50_ms", "deep_s", "deep_pss_mb")),
    Goal("deep_last_tenth_vs_first", 1.2, (), slack=1),
    Goal("trigger_to_start_vs_celery_hop", 7, ("trigger_to_start_p50_ms", "trigger_to_start_p95_ms")),
    Goal("schedule_lateness_p95_vs_celery_hop", 14, ("schedule_lateness_p50_ms", "schedule_lateness_p95_ms")),
    Goal("start_to_first_run_vs_imports", 3, ("start_to_first_run_s", "imports_s")),
    Goal("parse_200_files_vs_python", 3, ("parse_200_files_s", "python_200_starts_s")),
    Goal("import_airflow_sdk_ms", 80, ("python_start_cpu_ms",), slack=1),
    Goal("parse_ratio_vs_plain_import", 1.5, ("parse_one_file_ms", "plain_import_ms"), slack=1),
    Goal("edit_seen_s", 1, ("edit_seen_p50_s",)),
    Goal("graph_1000_plain_layout_s", 1.5, (), slack=1),
    Goal("graph_1000_grouped_layout_s", 1.5, (), slack=1),
    Goal(
        "triggers_per_s",
        200,
        ("triggers_p50_ms", "triggers_p95_ms", "triggers_done_after_s"),
        higher_is_better=True,
        slack=1,
    ),
    Goal("triggers_lost", 0, (), slack=1),
    Goal("idle_pss_mb", 350, ("idle_processes",)),
    Goal("idle_cpu_percent", 3, ()),
    Goal("grid_data_p50_ms", 100, ("empty_view_p50_ms",), slack=1),
    Goal("grid_data_kb", 200, (), slack=1),
    Goal("grid_data_vs_empty_view", 12, (), slack=1),
    Goal("api_runs_vs_empty_view", 4, ("api_runs_p50_ms",), slack=1),
    Goal("api_instances_vs_empty_view", 4, ("api_instances_p50_ms",), slack=1),
    Goal("api_dags_vs_empty_view", 4, ("api_dags_p50_ms",), slack=1),
    Goal("dag_list_p50_ms", 150, (), slack=1),
    Goal("first_paint_worst_ms", 1000, ("paint_dags_ms", "paint_grid_ms", "paint_lake_ms", "paint_graph_ms"), slack=1),
    Goal("page_weight_worst_kb", 300, (), slack=1),
    Goal("large_grid_open_ms", 1500, (), slack=1),
    Goal("large_grid_scroll_longest_ms", 100, (), slack=1),
    Goal("large_grid_hover_ms", 50, (), slack=1),
    Goal("large_grid_click_ms", 50, (), slack=1),
    Goal("full_speed_longest_ms", 200, (), slack=1),
    Goal("log_open_s", 1, ("log_counted_s", "log_search_s", "log_first_error_s"), slack=1),
    Goal("log_server_mb", 50, (), slack=1),
    Goal("log_browser_mb", 150, (), slack=1),
)


def save(figures: Figures) -> None:
    """Write the figures, keeping those of what was not measured this time."""
    kept = _read(LATEST.read_text()) if LATEST.exists() else {}
    for database, values in figures.items():
        kept.setdefault(database, {}).update({key: float(f"{value:.4g}") for key, value in values.items()})
    LATEST.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def last_commits() -> Figures:
    """What the figures were at the last commit that has any."""
    found = subprocess.run(
        ["git", "show", "HEAD:bench/latest.json"], cwd=LATEST.parent, capture_output=True, text=True, check=False
    )
    return _read(found.stdout) if found.returncode == 0 else {}


def _read(text: str) -> Figures:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def table(figures: Figures, before: Figures) -> str:
    """One line per figure and database, with its goal and what it was."""
    lines = [f"{'':38}{'':>12}{'goal':>9}{'':>5}{'last commit':>13}"]
    for database, values in figures.items():
        lines.append(f"\n{database}")
        then = before.get(database, {})
        for goal in GOALS:
            if goal.key not in values:
                continue
            value, bound = values[goal.key], goal.bound(database)
            sign = ">=" if goal.higher_is_better else "<="
            met = "" if goal.is_met(value, database) else " !"
            lines.append(f"  {goal.key:36}{value:12.3g}{sign + f'{bound:.3g}':>9}{met:5}{_was(then, goal.key):>13}")
            lines += [
                f"    {key:34}{values[key]:12.4g}{'':14}{_was(then, key):>13}" for key in goal.behind if key in values
            ]
    return "\n".join(lines)


def _was(then: dict[str, float], key: str) -> str:
    return f"{then[key]:.4g}" if key in then else "-"
