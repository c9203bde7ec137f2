"""``manage.py dags test``: a whole run in one process, without servers; nothing of it is written to the database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from dags_app import environments
from dags_app.bundles.config import DEFAULT_NAME
from dags_app.models import Dag
from dags_app.versions import place_of
from orchestrator.runtime.local_process import run_apart
from runs_app.answers import Scope, answer
from runs_app.exceptions import DagNotFound

from .subcommands import Console, Options, read_json, read_time

STDERR = 2


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file_or_id", help="a DAG file, or the id of a DAG that is known")
    parser.add_argument("--dag-id", help="which DAG of the file, where it defines several")
    parser.add_argument("--conf", help="a JSON object: the run's configuration")
    parser.add_argument("--logical-date", help="by default now")
    parser.add_argument("--wait-retries", action="store_true", help="wait between tries as long as the tasks say")


def test(console: Console, options: Options) -> None:
    """Connections and variables come from the environment and the database; runs that it triggers are real."""
    conf = read_json(options.conf, "--conf") if options.conf else {}
    if not isinstance(conf, dict):
        raise CommandError('--conf must be a JSON object, e.g. \'{"day": "2026-03-01"}\'')
    date = read_time(options.logical_date, "--logical-date").isoformat() if options.logical_date else None
    root, file, dag_id = _find(options.file_or_id, options.dag_id)
    order = {"dag_id": dag_id, "conf": conf, "logical_date": date, "wait_retries": options.wait_retries}
    if root == str(settings.ORCH.dags_folder):  # a version that is laid out has its own
        order["plugins"] = str(settings.ORCH.plugins_folder)
    else:
        order["python"] = environments.python_of(root)
    scope = Scope(dag_id=dag_id or "", run_pk=0, run_id="")

    def answers(what: str, args: dict[str, Any]) -> Any:
        return answer(scope, what, args)

    found = run_apart(root, file, order, answers, output=STDERR if console.as_json else None)
    if found["type"] == "error":
        raise CommandError(found["error"])
    console.show({name: value for name, value in found.items() if name != "type"}, [])
    if found["state"] != "success":
        raise CommandError(f"The run ended as {found['state']}: {found['reason']}")


def _find(file_or_id: str, dag_id: str | None) -> tuple[str, str, str | None]:
    """Return (folder, file in it, DAG id): a file as it is now, else what the database knows by that id."""
    path, home = Path(file_or_id).absolute(), Path(settings.ORCH.dags_folder)
    if path.is_file():
        inside = path.is_relative_to(home)
        root = home if inside else path.parent
        return str(root), str(path.relative_to(root)), dag_id
    dag = Dag.objects.select_related("file").filter(pk=file_or_id).first()
    if dag is None:
        if file_or_id.endswith(".py"):
            raise CommandError(f"{path} is no file")
        raise DagNotFound(file_or_id)
    if dag.file is not None and dag.file.bundle_name == DEFAULT_NAME and (home / dag.file.relative_path).is_file():
        return str(home), dag.file.relative_path, dag.dag_id
    if dag.version_id is None:
        raise CommandError(f"{dag.dag_id} has no version that could be run: save its file again")
    return (*place_of(dag.version_id), dag.dag_id)
