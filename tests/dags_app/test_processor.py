"""The DAG folder as people and programs treat it, seen through the database."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, connection

from dags_app import processor as processor_module
from dags_app import secrets, sync
from dags_app.keeper import run
from dags_app.models import Dag, DagFile, DagTag, DagVersion
from dags_app.parsing import Answers
from dags_app.processor import Processor
from dags_app.versions import known_place, place_of

from .conftest import Project, dag_text, live


def version_numbers(dag_id: str) -> list[int]:
    return list(DagVersion.objects.filter(dag=dag_id).values_list("version_number", flat=True))


def wait_for(condition, limit: float = 30.0) -> None:
    """Wait until it holds."""
    began = time.monotonic()
    pause = threading.Event()
    while not condition():
        assert time.monotonic() - began < limit, "it did not come true in time"
        pause.wait(0.005)


# ---- what is a DAG file


def test_a_new_file_becomes_a_paused_dag(project):
    project.write_dag("etl", arguments="tags=['b', 'a'], description='moves', schedule='@daily', max_active_runs=3")
    counts = project.sync()
    dag = Dag.objects.get()
    assert (counts.parsed, counts.errors, counts.new_versions) == (1, 0, 1)
    assert (dag.dag_id, dag.is_paused, dag.is_stale, dag.description) == ("etl", True, False, "moves")
    assert (dag.timetable_summary, dag.timetable_periodic, dag.max_active_runs) == ("0 0 * * *", True, 3)
    assert list(DagTag.objects.values_list("name", flat=True)) == ["a", "b"]
    assert dag.version.version_number == 1 and dag.next_run_after is not None
    assert project.changed == ["etl"]


def test_only_files_that_speak_of_dags_are_parsed(project):
    project.write("helper.py", "import os\nos.abort()\n")
    project.write("notes.txt", dag_text("text"))
    project.write(".hidden.py", dag_text("hidden"))
    project.write(".git/hook.py", dag_text("hook"))
    project.write("__pycache__/x.py", dag_text("cache"))
    for folder in ("plugins", "include", "config"):
        project.write(f"{folder}/x.py", dag_text(folder))
    project.write("team/plugins/x.py", dag_text("deep"))
    project.write("venv/pyvenv.cfg", "")
    project.write("venv/x.py", dag_text("venv"))
    project.sync()
    assert live() == ["deep"] and project.errors() == []


def test_airflowignore_leaves_files_out_and_is_heard_when_it_changes(project):
    project.write_dag("a")
    project.write_dag("b", "skip/b.py")
    project.write_dag("c", "skip/c.py")
    project.write(".airflowignore", "skip/\n")
    project.sync()
    assert live() == ["a"]
    project.write(".airflowignore", "skip/b*\n")
    project.sync()
    assert live() == ["a", "c"]
    project.write(".airflowignore", "*.py\n")
    project.sync()
    assert live() == []


# ---- edits


def test_the_same_content_makes_no_new_version(project):
    path = project.write_dag("etl")
    project.sync()
    project.changed.clear()
    os.utime(path)
    counts = project.sync()
    assert counts.parsed == 1 and version_numbers("etl") == [1] and project.changed == []


def test_an_edit_makes_a_version_and_going_back_makes_none(project):
    path = project.write_dag("etl")
    first = path.read_text()
    project.sync()
    project.write_dag("etl", arguments="description='more'")
    project.sync()
    assert Dag.objects.get().version.version_number == 2
    path.write_text(first)
    project.sync()
    assert Dag.objects.get().version.version_number == 1 and version_numbers("etl") == [1, 2]


def test_dates_and_addresses_that_differ_at_each_parse_make_no_versions(project):
    path = project.write_dag(
        "etl", arguments="start_date=datetime.now(), default_args={'x': object()}", body="x = object()\n"
    )
    project.sync()
    os.utime(path)
    assert project.sync().parsed == 1
    assert version_numbers("etl") == [1]


def test_a_pause_survives_an_edit(project):
    project.write_dag("etl", arguments="is_paused_upon_creation=False")
    project.sync()
    assert not Dag.objects.get().is_paused
    Dag.objects.update(is_paused=True)
    project.write_dag("etl", arguments="is_paused_upon_creation=False, description='x'")
    project.sync()
    assert Dag.objects.get().is_paused and Dag.objects.get().description == "x"


def test_an_edit_of_an_imported_module_parses_its_importers_only(project):
    project.write("shared/__init__.py", "")
    project.write("shared/names.py", "NAME = 'one'\n")
    project.write_dag("a", body="from shared.names import NAME", arguments="description=NAME")
    project.write_dag("b")
    project.sync()
    project.write("shared/names.py", "NAME = 'two'\n")
    assert project.sync().parsed == 1
    assert Dag.objects.get(pk="a").description == "two"
    assert version_numbers("a") == [1, 2] and version_numbers("b") == [1]


def test_a_module_that_only_a_task_imports_is_part_of_the_version(project):
    project.write("late.py", "X = 1\n")
    project.write_dag("a", body="def work():\n    import late\n")
    project.sync()
    project.write("late.py", "X = 2\n")
    project.sync()
    assert version_numbers("a") == [1, 2]
    known_place.cache_clear()
    root, file = place_of(Dag.objects.get().version_id)
    assert file == "a.py" and (Path(root) / "late.py").read_text() == "X = 2\n"


def test_templates_data_and_opened_files_are_part_of_the_version(project):
    project.write("sql/load.sh", "echo {% include 'part.sh' %}")
    project.write("sql/part.sh", "1")
    project.write("data/in.csv", "1,2")
    project.write("conf.yaml", "x: 1")
    project.write("unrelated.csv", "")
    project.write("other.py", dag_text("other"))
    body = (
        "import pathlib\nfrom airflow.providers.standard.operators.bash import BashOperator\n"
        "conf = open(pathlib.Path(__file__).parent / ('conf' + '.yaml')).read()\n"
        "def work():\n    return open('data/in.csv')  # see other.py\n"
    )
    text = dag_text("a", body=body, arguments="template_searchpath='sql'")
    project.write("a.py", text + "    BashOperator(task_id='b', bash_command='load' + '.sh')\n")
    project.sync()
    assert project.errors() == []
    assert sorted(DagVersion.objects.get(dag="a").tree.manifest) == [
        "a.py",
        "conf.yaml",
        "data/in.csv",
        "sql/load.sh",
        "sql/part.sh",
    ]
    project.write("sql/part.sh", "2")
    project.sync()
    assert version_numbers("a") == [1, 2]


def test_a_module_that_was_missing_mends_the_file_that_imports_it(project):
    project.write_dag("a", body="import later")
    project.sync()
    assert "later" in project.error("a.py").message
    project.write("later.py", "")
    project.sync()
    assert project.errors() == [] and live() == ["a"]


def test_a_broken_module_is_told_at_its_importer_and_mended_with_it(project):
    project.write("part.py", "def broken(:\n")
    project.write_dag("a", body="import part")
    project.sync()
    assert "SyntaxError" in project.error("a.py").message
    project.write("part.py", "")
    project.sync()
    assert project.errors() == [] and live() == ["a"]


# ---- broken, gone, moved


def test_a_broken_file_keeps_its_last_good_version(project):
    path = project.write_dag("etl", arguments="schedule='@daily'")
    project.sync()
    before = Dag.objects.get()
    path.write_text("from airflow.sdk import DAG\n\ndef broken(:\n")
    project.sync()
    after, error = Dag.objects.get(), project.error("etl.py")
    assert (after.version_id, after.is_stale, after.next_run_after) == (before.version_id, False, before.next_run_after)
    assert error.line == 3 and "SyntaxError" in error.message and "etl.py" in error.stack_trace
    project.write_dag("etl", arguments="schedule='@daily'")
    project.sync()
    assert project.errors() == [] and version_numbers("etl") == [1]


def test_a_deleted_file_leaves_a_stale_dag_with_its_history(project):
    path = project.write_dag("etl", arguments="schedule='@daily'")
    project.sync()
    path.unlink()
    assert project.sync().gone == 1
    dag = Dag.objects.get()
    assert dag.is_stale and dag.next_run_after is None and version_numbers("etl") == [1]
    assert DagFile.objects.get().gone_at is not None
    project.write_dag("etl", arguments="schedule='@daily'")
    project.sync()
    dag = Dag.objects.get()
    assert not dag.is_stale and dag.next_run_after is not None and version_numbers("etl") == [1]


def test_a_deleted_file_takes_its_error_with_it(project):
    path = project.write("bad.py", "from airflow.sdk import DAG\nraise ValueError('no')\n")
    project.sync()
    assert project.error("bad.py").message == "ValueError: no"
    path.unlink()
    project.sync()
    assert project.errors() == []


def test_a_deleted_folder_takes_all_its_dags_along(project):
    for name in "abc":
        project.write_dag(name, f"team/{name}.py")
    project.write_dag("stays")
    project.sync()
    shutil.rmtree(project.root / "team")
    project.sync()
    assert live() == ["stays"]


def test_a_dags_folder_that_is_not_there_says_nothing_about_its_dags(project):
    project.write_dag("etl")
    project.sync()
    project.root.rename(project.root.with_name("away"))
    project.sync()
    assert live() == ["etl"]
    project.root.with_name("away").rename(project.root)
    project.sync()
    assert live() == ["etl"]


def test_what_went_while_no_processor_ran_is_found_at_the_next_start(project):
    path = project.write_dag("etl")
    project.sync()
    path.unlink()
    other = Processor(str(project.root))
    try:
        assert other.settle().gone == 1
    finally:
        other.close()
    assert live() == []


def test_a_dag_that_left_its_file_is_stale_and_one_that_moved_is_not(project):
    project.write("one.py", dag_text("a") + dag_text("b"))
    project.sync()
    project.write("one.py", dag_text("a"))
    project.write("two.py", dag_text("b"))
    project.sync()
    assert live() == ["a", "b"] and project.errors() == []
    assert Dag.objects.get(pk="b").file.relative_path == "two.py"
    project.write("two.py", "# a dag of airflow was here\n")
    project.sync()
    assert live() == ["a"]


def test_a_renamed_file_keeps_its_dag(project):
    path = project.write_dag("etl", "old.py")
    project.sync()
    path.rename(project.root / "new.py")
    project.sync()
    assert live() == ["etl"] and project.errors() == []
    assert Dag.objects.get().file.relative_path == "new.py"


def test_the_second_file_with_an_id_gets_an_error_that_names_the_first(project):
    project.write_dag("etl", "first.py")
    project.sync()
    project.write("second.py", dag_text("etl") + dag_text("own"))
    project.sync()
    assert project.errors() == ["second.py"]
    assert "'etl' is defined in first.py already" in project.error("second.py").message
    assert live() == ["etl", "own"] and Dag.objects.get(pk="etl").file.relative_path == "first.py"
    (project.root / "first.py").unlink()
    project.sync()
    assert project.errors() == [] and Dag.objects.get(pk="etl").file.relative_path == "second.py"


def test_one_broken_dag_of_a_file_leaves_the_others_alone(project):
    cycle = dag_text("bad") + "    a = EmptyOperator(task_id='a')\n    a >> EmptyOperator(task_id='b') >> a\n"
    project.write("two.py", dag_text("good") + cycle)
    project.sync()
    assert live() == ["good"] and "cycle" in project.error("two.py").message


# ---- hostile files

HOSTILE = {
    "hang": ("while True:\n    pass\n", "took longer than"),
    "sleep": ("import time\ntime.sleep(1e9)\n", "took longer than"),
    "exit": ("import sys\nsys.exit(3)\n", "SystemExit"),
    "hard_exit": ("import os\nos._exit(0)\n", "exit code 0"),
    "segfault": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV"),
    "parent": (
        "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(9)\n",
        "it was started from",
    ),
    "memory": ("x = [bytearray(1 << 28) for _ in range(1000)]\n", "MemoryError"),
    "syntax": ("def broken(:\n", "SyntaxError"),
    "encoding": (b"name = '\xff\xfe'\n", "SyntaxError"),
    "nul": (b"name = '\x00'\n", "null bytes"),
    "huge": (b"#" * 6_000_000, "at most"),
    "recursion": ("def f():\n    f()\nf()\n", "RecursionError"),
    "cron": ("from airflow.sdk import DAG\ndag = DAG('bad_cron', schedule='61 * * * *')\n", "61 * * * *"),
    "twice": ("from airflow.sdk import DAG\na = DAG('same')\nb = DAG('same')\n", "twice"),
    "bad_id": ("from airflow.sdk import DAG\nDAG('no spaces')\n", "no spaces"),
    "nul_text": ("from airflow.sdk import DAG\ndag = DAG('nul_text', description='a\\0b')\n", "NUL"),
    "surrogate": ("from airflow.sdk import DAG\ndag = DAG('surrogate', description='\\ud800')\n", "cannot be stored"),
    "big_number": ("from airflow.sdk import DAG\ndag = DAG('big', max_active_runs=1 << 40)\n", "max_active_runs"),
    "wrong_type": ("from airflow.sdk import DAG\ndag = DAG('wrong', max_active_tasks='x')\n", "max_active_tasks"),
    "output": ("from airflow.sdk import DAG\ndag = DAG('output', doc_md='x' * 30_000_000)\n", "at most"),
}


def test_hostile_files_get_an_error_each_and_delay_no_good_one(project, settings):
    settings.ORCH.parse_timeout, before = 3.0, settings.ORCH.parse_timeout
    settings.ORCH.parse_memory_bytes, memory = 1 << 29, settings.ORCH.parse_memory_bytes
    try:
        for name, (text, _) in HOSTILE.items():
            mark = "# a dag for airflow\n"
            project.write(f"bad/{name}.py", mark.encode() + text if isinstance(text, bytes) else mark + text)
        for number in range(20):
            project.write_dag(f"good_{number}")
        project.sync()
    finally:
        settings.ORCH.parse_timeout, settings.ORCH.parse_memory_bytes = before, memory
    assert len(live()) == 20
    assert project.errors() == sorted(f"bad/{name}.py" for name in HOSTILE)
    for name, (_, message) in HOSTILE.items():
        assert message in project.error(f"bad/{name}.py").message, name
    assert [project.error(f"bad/{name}.py").line for name in ("syntax", "memory", "segfault")] == [2, 2, 3]
    assert project.error("bad/hang.py").line in (2, 3)


def test_files_that_hang_hold_up_no_other(project, settings):
    for number in range(6):
        project.write_dag(f"hang_{number}", body="import time; time.sleep(1000)")
        project.write_dag(f"z_good_{number}")
    settings.ORCH.parse_timeout, before = 600.0, settings.ORCH.parse_timeout
    try:
        project.processor.wake()
        wait_for(lambda: project.processor.step(0.05) and len(live()) == 6, limit=60)
    finally:
        settings.ORCH.parse_timeout = before
    assert sorted(project.processor.jobs) == [f"hang_{number}.py" for number in range(6)]


def test_closing_ends_what_is_being_parsed(project):
    project.write_dag("hang", body="import time; time.sleep(1000)")
    project.processor.wake()
    wait_for(lambda: project.processor.step(0.05) and project.processor.jobs)
    project.processor.close()
    assert project.processor.server.process is None


def test_a_file_that_defines_too_much_source_is_told_what_is_too_large(project, monkeypatch):
    monkeypatch.setattr("dags_app.trees.LARGEST", 1000)
    project.write("data.csv", "x" * 1001)
    project.write_dag("etl", body="DATA = 'data.csv'")
    project.sync()
    assert "data.csv" in project.error("etl.py").message and live() == []


def test_links_that_lead_round_in_circles_end(project):
    project.write_dag("etl", "team/etl.py")
    (project.root / "team" / "again").symlink_to(project.root / "team")
    (project.root / "up").symlink_to(project.root)
    (project.root / "self.py").symlink_to(project.root / "self.py")
    (project.root / "nowhere.py").symlink_to(project.root / "nothing")
    project.sync()
    assert live() == ["etl"] and project.errors() == []


def test_pipes_and_odd_names_are_survived(project):
    os.mkfifo(project.root / "pipe.py")
    (project.root / os.fsdecode(b"bad\xff.py")).write_text(dag_text("odd"))
    project.write_dag("newline", "new\nline.py")
    project.write_dag("emoji", "🎉 party.py")
    project.write("utf16.py", dag_text("wide").encode("utf-16"))
    project.sync()
    assert live() == ["emoji", "newline"] and project.errors() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_says_so(project):
    project.write_dag("etl").chmod(0)
    project.sync()
    assert "cannot be read" in project.error("etl.py").message


def test_an_unreadable_file_is_an_error_and_not_a_deletion(project, monkeypatch):
    path = project.write_dag("etl")
    project.sync()
    real = open

    def refuse(file, *args, **kwargs):
        if str(file).endswith("etl.py"):
            raise PermissionError(13, "Permission denied")
        return real(file, *args, **kwargs)

    monkeypatch.setattr("dags_app.folder.open", refuse, raising=False)
    os.utime(path)
    project.sync()
    assert "cannot be read: Permission denied" in project.error("etl.py").message
    assert live() == ["etl"]


def test_a_folder_that_cannot_be_read_now_says_nothing_about_its_dags(project, monkeypatch):
    project.write_dag("etl", "team/etl.py")
    project.write_dag("other")
    project.sync()
    real = os.scandir

    def refuse(path):
        if str(path).endswith("team"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("dags_app.folder.os.scandir", refuse)
    (project.root / "other.py").unlink()
    project.sync()
    assert live() == ["etl"]


@pytest.mark.django_db
def test_a_database_that_does_not_answer_loses_nothing(project, monkeypatch):
    project.write_dag("etl")
    real, failures = sync.store, [OperationalError("gone"), IntegrityError("two at once")]

    def store(*args, **kwargs):
        if failures:
            raise failures.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr("dags_app.processor.sync.store", store)
    monkeypatch.setattr("dags_app.processor.connections.close_all", lambda: None)
    monkeypatch.setattr(processor_module, "RETRY_SECONDS", 0.01)
    project.sync()
    assert live() == ["etl"] and project.errors() == []


# ---- as it happens


def test_a_half_written_file_is_not_believed_at_once(project):
    path = project.write_dag("etl")
    project.sync()
    whole = path.read_text()
    path.write_text("")
    project.processor.wake()
    project.processor.step()
    path.write_text(whole[:40])
    project.processor.wake()
    project.processor.step()
    assert live() == ["etl"] and project.errors() == []
    path.write_text(whole)
    project.sync()
    assert live() == ["etl"] and project.errors() == [] and version_numbers("etl") == [1]


def test_a_file_saved_while_it_is_parsed_is_parsed_again(project):
    path = project.write_dag("etl", body="import time; time.sleep(0.5)")
    project.processor.wake()
    wait_for(lambda: project.processor.step() is not None and project.processor.jobs)
    project.write_dag("etl", arguments="description='newer'")
    project.sync()
    assert Dag.objects.get().description == "newer"
    assert version_numbers("etl") == [1] and path.exists()


@pytest.mark.django_db(transaction=True)
def test_variables_and_connections_can_be_read_while_parsing(tmp_path, transactional_db):
    project = Project(tmp_path)
    secrets.set_variable("name", "from a variable")
    secrets.set_variable("api_token", "canary-1")
    secrets.set_connection("db", {"conn_type": "http", "host": "there", "password": "canary-2"})
    body = "from airflow.sdk import BaseHook, Variable\nthere = BaseHook.get_connection('db')\n"
    project.write_dag("etl", body=body, arguments="description=Variable.get('name') + ' ' + there.host")
    project.write_dag("bad", body=body + "raise ValueError(there.password + Variable.get('api_token'))")
    project.write_dag("none", body="from orchestrator.sdk.comms import ask\nask('previous_run')\n")
    try:
        project.sync()
    finally:
        project.processor.close()
    assert Dag.objects.get(pk="etl").description == "from a variable there"
    assert "canary" not in project.error("bad.py").message + project.error("bad.py").stack_trace
    assert "previous_run can only be asked for while a task runs" in project.error("none.py").message


@pytest.mark.django_db(transaction=True)
def test_variables_that_a_file_sets_are_stored_when_it_is_parsed_and_not_when_it_is_only_checked(
    tmp_path, transactional_db
):
    project = Project(tmp_path)
    secrets.set_variable("old", "1")
    body = (
        "from airflow.models import Variable\nVariable.set('new', '2')\n"
        "assert Variable.get('new') == '2' and Variable.setdefault('kept', 'first') == 'first'\nVariable.delete('old')\n"
    )
    project.write_dag("etl", body=body)
    answers = Answers()
    answers.answer("set_variable", {"key": "new", "value": "2"})
    assert answers.answer("variable", {"key": "new"}) == {"value": "2"} and secrets.get_variable("new") is None
    try:
        project.sync()
    finally:
        project.processor.close()
    assert Dag.objects.filter(pk="etl").exists()
    assert [secrets.get_variable(each) for each in ("new", "kept", "old")] == ["2", "first", None]


def test_a_file_is_parsed_again_after_a_while_though_nothing_changed(project, monkeypatch):
    project.write_dag("etl")
    project.sync()
    assert project.sync().parsed == 0
    monkeypatch.setattr(processor_module, "REFRESH_SECONDS", 0.0)
    assert project.sync().parsed == 1


@pytest.mark.django_db(transaction=True)
def test_edits_are_heard_and_need_no_periodic_look(tmp_path, monkeypatch):
    monkeypatch.setattr(processor_module, "LOOK_SECONDS", 3600.0)
    project = Project(tmp_path)
    project.processor.close()
    for number in range(20):
        project.write_dag(f"d{number}")
    told = threading.Event()
    loop = threading.Thread(target=_run_and_close, args=(told.is_set, str(tmp_path)))
    loop.start()
    try:
        wait_for(lambda: len(live()) == 20)
        for number in range(6):
            text = dag_text("d7", arguments=f"description='edit {number}'")
            fresh = tmp_path / ".d7.py.fresh"  # editors save by renaming as often as by writing
            if number % 2:
                fresh.write_text(text)
                fresh.rename(tmp_path / "d7.py")
            else:
                (tmp_path / "d7.py").write_text(text)
            wait_for(lambda n=number: Dag.objects.filter(pk="d7", description=f"edit {n}").exists())
        new = tmp_path / "team" / "deep"
        new.mkdir(parents=True)
        (new / "fresh.py").write_text(dag_text("fresh"))
        wait_for(lambda: "fresh" in live())
    finally:
        told.set()
        loop.join(20)
    assert not loop.is_alive()


def _run_and_close(should_stop, root: str) -> None:
    try:
        run(should_stop, root=root)
    finally:
        connection.close()
