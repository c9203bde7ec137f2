"""The reference data: as the engine would have left it, the same for a seed, and never among anybody's own DAGs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from dags_app.models import Dag, DagImportError
from dags_app.versions import known_place, load_spec
from orchestrator.core.states import TaskState
from runs_app import invariants, logs
from runs_app.demo.dates import dates_of
from runs_app.demo.story import Mood, tell
from runs_app.models import AssetEvent, Backfill, DagRun, Deadline, HITLDetail, TaskInstance
from tests.support import factories

SMALL = {"dags": 40, "grid_tasks": 30, "lake_tasks": 30, "runs": 6, "few_runs": 12, "mapped": 40, "log_mb": 0.1}
DAY = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def folder(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(settings.ORCH, "dags_folder", tmp_path / "dags")
    yield tmp_path / "dags"
    load_spec.cache_clear()  # what is rolled back gives its primary keys to the next test
    known_place.cache_clear()


def test_the_reference_data_has_something_of_everything_and_breaks_no_rule(folder: Path):
    call_command("demo_data", **SMALL, until="2026-03-04T12:00:00+00:00")

    assert invariants.check(DAY + timedelta(minutes=1), liveness=False) == []
    assert Dag.objects.count() == SMALL["dags"]
    warehouse = DagRun.objects.filter(dag="warehouse_nightly")
    assert warehouse.count() == SMALL["runs"]
    assert len(load_spec(warehouse.latest("run_after").version_id).tasks) == SMALL["grid_tasks"]
    assert warehouse.values("version").distinct().count() == 3
    assert TaskInstance.objects.filter(task_id="resize").count() == SMALL["mapped"]
    assert DagImportError.objects.count() == 3
    assert HITLDetail.objects.filter(responded_at__isnull=True).exists()
    assert HITLDetail.objects.filter(delivered=True).exists()
    assert AssetEvent.objects.filter(runs__dag="order_report").exists()
    assert set(Deadline.objects.filter(missed=True).values_list("run__state", flat=True)) == {"failed"}
    assert Backfill.objects.get().entries.count() == SMALL["few_runs"] // 3
    long = TaskInstance.objects.get(dag_id="export_ledger")
    path = logs.store().path(f"{long.run_id}/{long.pk}/{long.token}.jsonl")
    assert 90_000 < path.stat().st_size <= 100_000
    with pytest.raises(CommandError, match="is here already"):
        call_command("demo_data", **SMALL)


def test_it_stays_away_from_a_database_with_dags_of_somebodys(folder: Path):
    factories.make_dag("mine")

    with pytest.raises(CommandError, match=r"'mine'.*--anyway"):
        call_command("demo_data", **SMALL)


def test_it_stays_away_from_a_folder_with_dag_files_of_somebodys(folder: Path):
    folder.mkdir()
    (folder / "mine.py").write_text("from orchestrator.sdk import DAG\n")

    with pytest.raises(CommandError, match=r"mine\.py.*--anyway"):
        call_command("demo_data", **SMALL)


def test_a_story_is_the_same_for_a_seed_and_keeps_the_trigger_rules():
    spec = factories.make_spec("d", {"a": (), "b": ("a",), "c": ("b",)})

    def told(seed: int) -> dict[str, str]:
        story = tell(spec, DAY, Random(seed), Mood(failing=3.0))
        return {name: str(found[0].state) for name, found in story.instances.items()}

    all_told = [told(seed) for seed in range(30)]
    assert all_told == [told(seed) for seed in range(30)]
    assert any("failed" in each.values() for each in all_told)
    for each in all_told:
        below = [each["a"], each["b"], each["c"]]
        assert all(
            later == "upstream_failed" for at, now in enumerate(below) if now != "success" for later in below[at + 1 :]
        )


def test_nothing_of_a_run_under_way_is_later_than_now():
    spec = factories.make_spec("d", {"a": (), "b": ("a",), "c": ("b",)})

    story = tell(spec, DAY, Random(1), Mood(pace=100, now=DAY + timedelta(seconds=5)))

    assert story.instances["a"][0].state == TaskState.RUNNING
    assert story.instances["b"][0].state == TaskState.NONE
    assert story.ended is None


@pytest.mark.parametrize(
    ("cron", "last", "step"),
    [
        ("0 2 * * *", datetime(2026, 3, 4, 2, tzinfo=UTC), timedelta(days=1)),
        ("0 20 * * *", datetime(2026, 3, 3, 20, tzinfo=UTC), timedelta(days=1)),
        ("*/30 * * * *", datetime(2026, 3, 4, 12, tzinfo=UTC), timedelta(minutes=30)),
        ("0 */6 * * *", datetime(2026, 3, 4, 12, tzinfo=UTC), timedelta(hours=6)),
        ("0 7 * * 1", datetime(2026, 3, 2, 7, tzinfo=UTC), timedelta(days=7)),
    ],
)
def test_runs_are_when_their_schedule_says(cron: str, last: datetime, step: timedelta):
    assert dates_of(cron, DAY, 3) == [last - 2 * step, last - step, last]
