"""The DAG list, the grid, the logs and the code as data."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.states import TaskState
from orchestrator.web import grid, listing, tasklist
from orchestrator.web.text import code, markdown
from runs_app import logs
from runs_app.models import DagRun, QueuedEvent
from tests.support import factories

from .conftest import shop_spec


def names(client: Client, query: str) -> list[str]:
    page = client.get(f"/dags{query}")
    return [row.dag.dag_id for row in page.context["rows"]]


def test_the_list_is_narrowed_by_what_stands_in_the_address(viewer: Client):
    factories.make_run(factories.make_dag("alpha", tags=("red",), owners=["ada"]), state="failed")
    factories.make_run(factories.make_dag("beta", tags=("blue",), owners=["bob"], is_paused=True))
    factories.make_dag("gone", is_stale=True)
    assert names(viewer, "") == ["alpha", "beta"]
    assert names(viewer, "?q=ALPH") == ["alpha"]
    assert names(viewer, "?q=blue") == ["beta"]
    assert names(viewer, "?tag=red") == ["alpha"]
    assert names(viewer, "?owner=bob") == ["beta"]
    assert names(viewer, "?paused=true") == ["beta"]
    assert names(viewer, "?state=failed") == ["alpha"]
    assert names(viewer, "?state=running") == []
    assert names(viewer, "?gone=true") == ["gone"]
    assert b"No DAG fits" in viewer.get("/dags?q=zzz").content


def test_what_runs_is_counted_in_dags_as_the_list_behind_it(viewer: Client):
    dag = factories.make_dag("alpha")
    for name in ("one", "two"):
        factories.make_run(dag, name, state="running")
    assert viewer.get("/dags").context["counts"]["running"] == 1
    assert names(viewer, "?state=running") == ["alpha"]


def test_a_run_that_is_overdue_is_told_as_such(viewer: Client):
    now = timezone.now()
    factories.make_dag("late", next_run_after=now - timedelta(hours=20))
    assert b"next was due" in viewer.get("/dags").content
    assert b"next run was due" in viewer.get("/dags/late").content


def test_tags_combine_and_owners_are_any_of(viewer: Client):
    factories.make_dag("alpha", tags=("red", "blue"), owners=["ada"])
    factories.make_dag("beta", tags=("blue",), owners=["bob \u00e9"])
    assert names(viewer, "?tags=red&tags=blue") == ["alpha", "beta"]
    assert names(viewer, "?tags=red&tags=blue&tags_match_mode=all") == ["alpha"]
    assert names(viewer, "?owners=ada&owners=bob%20%C3%A9") == ["alpha", "beta"]
    assert names(viewer, "?owners=ad") == []


def test_names_are_found_anywhere_or_by_their_beginning(viewer: Client):
    for name in ("etl", "my_etl"):
        factories.make_dag(name)
    assert names(viewer, "?q=etl") == ["etl", "my_etl"]
    assert names(viewer, "?q=etl&match=prefix") == ["etl"]
    assert b"Match names anywhere" in viewer.get("/dags?q=tl&match=prefix").content


def test_the_last_run_and_any_run_are_told_apart(viewer: Client):
    dag = factories.make_dag("alpha")
    factories.make_run(dag, state="failed")
    factories.make_run(dag, state="success")
    assert names(viewer, "?last_dag_run_state=failed") == []
    assert names(viewer, "?dag_run_state=failed") == ["alpha"]
    assert names(viewer, "?last_dag_run_state=success&last_dag_run_state=failed") == ["alpha"]


def test_what_needs_somebody_is_found(client_of):
    user = factories.make_user("viewer")
    client = Client()
    client.force_login(user)
    broken = factories.make_dag("broken", file=factories.make_file("x.py", error="x"))
    asking = factories.make_dag("asking")
    factories.make_question(factories.instance_of(factories.make_run(asking, state="running"), "a"))
    client.post("/dags/broken/favorite")
    assert names(client, "?import_errors=true") == ["broken"]
    assert names(client, "?needs_review=true") == ["asking"]
    assert names(client, "?favorite=true") == [broken.dag_id]
    assert names(client_of("viewer"), "?favorite=true") == []


def test_a_browser_remembers_the_order_that_was_chosen_in_it(viewer: Client):
    for name in ("alpha", "beta"):
        factories.make_dag(name)
    assert names(viewer, "?sort=-dag_id") == ["beta", "alpha"]
    assert names(viewer, "") == ["beta", "alpha"]
    assert '<option value="dag_id"' in viewer.get("/dags").content.decode(), "the first order can be chosen again"
    assert names(viewer, "?sort=dag_id") == names(viewer, "") == ["alpha", "beta"]


def test_the_list_sorts_by_name_next_and_last_run(viewer: Client):
    for number, name in enumerate(("alpha", "beta", "gamma")):
        dag = factories.make_dag(name, next_run_after=factories.DAY - timedelta(days=number))
        if name != "gamma":
            factories.make_run(dag, state=("success", "failed")[number])
    assert names(viewer, "?sort=-dag_id") == ["gamma", "beta", "alpha"]
    assert names(viewer, "?sort=next_dagrun") == ["gamma", "beta", "alpha"]
    assert names(viewer, "?sort=-last_run_start_date") == ["beta", "alpha", "gamma"]
    assert names(viewer, "?sort=last_run_state") == ["beta", "alpha", "gamma"]
    assert names(viewer, "?sort=secret") == ["alpha", "beta", "gamma"]


def test_folders_tell_how_the_last_runs_below_them_ended(viewer: Client):
    for path, state in (("sales/eu/a.py", "failed"), ("sales/b.py", "success"), ("top.py", "failed")):
        dag = factories.make_dag(path.rpartition("/")[2][:-3], file=factories.make_file(path))
        factories.make_run(dag, state=state)
    page = viewer.get("/dags")
    found = [(each.path, each.depth, each.total, each.state, each.failed) for each in page.context["folders"]]
    assert found == [("sales", 0, 2, "failed", 1), ("sales/eu", 1, 1, "failed", 1)]
    assert names(viewer, "?folder=sales") == ["a", "b"]
    assert names(viewer, "?folder=sales/eu") == ["a"]
    assert names(viewer, "?folder=sal") == []


def test_a_view_is_remembered_without_a_script(viewer: Client, shop: Dag):
    assert b"<table" in viewer.get("/dags").content
    assert b'class="cards dags"' in viewer.get("/dags?view=cards").content
    assert b'class="cards dags"' in viewer.get("/dags").content
    assert b"<table" in viewer.get("/dags?view=table").content


def test_a_schedule_on_assets_says_how_many_were_updated(viewer: Client):
    dag = factories.make_dag("report")
    names_of = ("a", "b", "c")
    assets = [factories.make_asset(name, consumer=dag) for name in names_of]
    about = {"all": [{"asset": {"name": name, "uri": name, "group": "asset"}} for name in names_of]}
    Dag.objects.filter(pk="report").update(asset_expression=about)
    QueuedEvent.objects.create(dag=dag, asset=assets[0], created_at=factories.DAY, touched_at=factories.DAY)
    assert "1 of 3 assets updated" in viewer.get("/dags").content.decode()


def test_the_list_asks_as_many_questions_for_many_dags_as_for_few(viewer: Client):
    def fill(number: int) -> None:
        dag = factories.make_dag(file=factories.make_file(f"f{number}/x.py"), tags=("t",))
        factories.make_run(dag)
        factories.make_asset(f"asset {number}", consumer=dag)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert viewer.get("/dags").status_code == 200
        return len(queries)

    fill(0)
    few = count()
    for number in range(1, 12):
        fill(number)
    assert count() == few


def test_an_empty_list_says_what_to_do(viewer: Client):
    text = viewer.get("/dags").content.decode()
    assert "No DAGs yet" in text
    assert "from orchestrator.sdk import DAG" in text


def test_without_a_role_the_list_says_whom_to_ask(client_of, shop: Dag):
    assert b"Your account has no role" in client_of("").get("/dags").content


def test_import_errors_stand_at_the_top_with_file_line_and_text(viewer: Client, shop: Dag):
    factories.make_file("bad<b>.py", error="NameError: <script>alert(1)</script>")
    text = viewer.get("/dags").content.decode()
    assert "bad&lt;b&gt;.py:3" in text
    assert "<script>alert" not in text
    assert text.index("could not be imported") < text.index('id="dag-shop"')


def test_bars_are_the_last_runs_oldest_first(shop: Dag, db: None):
    for number in range(20):
        factories.make_run(shop, f"run {number:02d}")
    bars = listing.rows([shop])[0].bars
    assert [bar["run_id"] for bar in bars] == [f"run {number:02d}" for number in range(6, 20)]


def test_a_bar_is_as_high_as_its_run_was_long(shop: Dag):
    short, long = factories.make_run(shop), factories.make_run(shop)
    DagRun.objects.filter(pk=long.pk).update(ended_at=long.started_at + timedelta(seconds=100))
    DagRun.objects.filter(pk=short.pk).update(ended_at=short.started_at + timedelta(seconds=50))
    heights = [bar["height"] for bar in listing.rows([shop])[0].bars]
    assert heights[1] == listing.BAR_HEIGHT
    assert heights[0] == pytest.approx(6 + (listing.BAR_HEIGHT - 6) / 2)


def test_the_grid_has_groups_above_their_tasks_and_counts_of_mapped_ones(viewer: Client, shop_run: DagRun):
    data = viewer.get("/dags/shop/grid.json").json()
    assert [row["id"] for row in data["rows"]] == ["extract", "checks", "checks.sums", "load"]
    assert [row["depth"] for row in data["rows"]] == [0, 0, 1, 0]
    run = data["runs"][0]
    assert run["states"] == "sf*"
    assert run["many"] == {"2": {"upstream_failed": 3}}


def test_every_state_has_its_own_letter():
    assert set(grid.CODES) == set(TaskState)
    assert len(set(grid.CODES.values()) | {grid.ABSENT, grid.MANY}) == len(TaskState) + 2


def test_a_task_that_only_an_older_version_had_keeps_its_row(viewer: Client, shop: Dag, shop_run: DagRun):
    factories.make_version(shop, factories.make_spec("shop", {"extract": ()}))
    data = viewer.get("/dags/shop/grid.json").json()
    former = {row["id"] for row in data["rows"] if row.get("former")}
    assert former == {"checks.sums", "load"}
    assert len(data["runs"][0]["states"]) == 3


def test_the_graph_shows_a_run_with_its_own_version(viewer: Client, shop: Dag, shop_run: DagRun):
    factories.make_version(shop, factories.make_spec("shop", {"extract": ()}))
    assert len(viewer.get("/dags/shop/graph.json").json()["rows"]) == 1
    own = viewer.get("/dags/shop/graph.json?run=first").json()
    assert ["extract", "checks.sums", "rows"] in own["edges"]
    assert own["states"]["load"] == {"upstream_failed": 3}


def test_a_mapped_task_is_one_row_of_its_run(shop_run: DagRun):
    rows = {row.task_id: row for row in tasklist.rows(load_spec(shop_run.version_id), shop_run)}
    assert rows["load"].counts == {"upstream_failed": 3}
    assert rows["checks"].is_group
    assert rows["extract"].x + rows["extract"].width <= tasklist.SCALE


def test_a_thousand_tasks_over_25_runs_stay_small(viewer: Client, db: None):
    spec = factories.make_spec("wide", {f"t{number}": () for number in range(1000)})
    dag = factories.make_dag(spec=spec)
    run = factories.make_run(dag)
    one = len(json.dumps(grid.run_json(run))) + 1000
    data = viewer.get("/dags/wide/grid.json")
    assert len(json.dumps(data.json()["runs"])) < one + 200


def lines(client: Client, **query: object) -> list[str]:
    """What the lines of a log say; see test_logs.py for all that can be asked of one."""
    answer = client.get("/dags/shop/runs/first/tasks/extract/log", {"end": "1", **query}).json()
    return [record["event"] for _, record in answer["lines"]]


def test_a_line_that_is_no_record_is_shown_as_it_is(viewer: Client, shop_run: DagRun):
    attempt = factories.instance_of(shop_run, "extract").attempts.get()
    key = logs.key_for(shop_run.pk, attempt.task_instance_id, attempt.token)
    logs.store().append(key, b"not json \xff\n[1]\n")
    assert lines(viewer)[-2:] == ["not json \ufffd", "[1]"]


def test_each_try_has_its_own_log(viewer: Client, shop_run: DagRun):
    extract = factories.instance_of(shop_run, "extract")
    factories.set_state(extract, "success", try_number=2)
    factories.make_attempt(extract, lines=("second",))
    assert lines(viewer) == ["second"]
    assert lines(viewer, try_number=1) == ["hello", "world"]
    assert "Try 2" in viewer.get("/dags/shop/runs/first/tasks/extract").content.decode()


def test_a_log_is_downloaded_as_text(viewer: Client, shop_run: DagRun):
    response = viewer.get("/dags/shop/runs/first/tasks/extract/log.txt")
    assert "attachment" in response["Content-Disposition"]
    assert b"".join(response.streaming_content).decode().splitlines()[1].endswith("world")


def test_an_expanded_task_leads_to_its_instances(viewer: Client, shop_run: DagRun):
    response = viewer.get("/dags/shop/runs/first/tasks/load")
    assert response["Location"] == "/dags/shop/runs/first/tasks/load/mapped"


def test_code_is_that_of_the_version(viewer: Client, shop: Dag, shop_run: DagRun):
    factories.make_version(shop, shop_spec(), source="# the second version\n")
    assert b"the second version" in viewer.get("/dags/shop/code").content
    assert b"the second version" not in viewer.get("/dags/shop/code?version_number=1").content
    assert b"the second version" not in viewer.get("/dags/shop/runs/first/tasks/extract/code").content


def test_code_that_spans_lines_is_coloured_line_by_line():
    found = code('a = """one\ntwo"""\n', "x.py")
    assert len(found) == 2
    for line in found:
        assert line.count("<span") == line.count("</span>")
    assert "two" in found[1]


@pytest.mark.parametrize("name", ["x.py", "x.sql", "x.nothing", "no ending", "</pre>.py"])
def test_source_is_text_whatever_it_says(name: str):
    text = "".join(code("<script>alert(1)</script>", name))
    assert "<script" not in text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        '[x](https://a "onmouseover=alert(1)")',
    ],
)
def test_markdown_of_authors_cannot_run(text: str):
    html = markdown(text)
    for bad in ("<script", "<img src=x", 'href="javascript', 'src="javascript', 'href="data:text', " onmouseover="):
        assert bad not in html


def test_search_puts_what_begins_with_the_text_first(viewer: Client):
    factories.make_dag("my_orders")
    factories.make_dag("orders")
    found = viewer.get("/search?q=ord").json()["found"]
    assert [each["name"] for each in found] == ["orders", "my_orders"]
    assert found[0]["to"] == "/dags/orders"
