"""Bulk requests and wildcards ask of each thing what its own endpoint would: for own, foreign, guessed and mixed ones."""

from __future__ import annotations

from itertools import product

import pytest

from dags_app.models import AuditEntry
from orchestrator.api.auth import issue_token
from runs_app.models import DagRun, TaskInstance
from tests.api.conftest import ApiClient
from tests.support import factories

from .test_matrix import ROLES, may, undone

OWN, GUESSED = {"dag_id": "alpha", "dag_run_id": "r1"}, {"dag_id": "alpha", "dag_run_id": "r9"}
FOREIGN = {"dag_id": "planted", "dag_run_id": "planted"}
CHOICES = {
    "own": (OWN,),
    "foreign": (FOREIGN,),
    "guessed": (GUESSED,),
    "mixed": (OWN, GUESSED),
    "both": (OWN, FOREIGN),
    "unnamed": ({"dag_run_id": "r1"},),
}
ACTIONS = {"update": {"note": "n"}, "delete": {}}
KINDS = {"dagRuns": "dags/~/dagRuns", "taskInstances": "dags/~/dagRuns/~/taskInstances"}


@pytest.fixture
def runs(db):
    for dag_id, run_id in (("alpha", "r1"), ("planted", "planted")):
        factories.make_run(factories.make_dag(dag_id), run_id, state="failed")


def test_each_thing_of_a_bulk_request_is_asked_for_by_itself(runs):
    checked = 0
    for role in ROLES:
        client = ApiClient(issue_token(factories.make_user(role)))
        for (kind, path), action, choice, lenient in product(KINDS.items(), ACTIONS, CHOICES, (False, True)):
            entities = [{**each, **ACTIONS[action]} for each in CHOICES[choice]]
            if kind == "taskInstances":
                entities = [{**each, "task_id": "a"} for each in entities]
            more = {"action_on_non_existence": "skip"} if lenient else {}
            before = AuditEntry.objects.count()
            with undone():
                sent = {"actions": [{"action": action, "entities": entities, **more}]}
                found = client.call("patch", path, sent)[action]
                place = (role, kind, action, choice, lenient, found)
                there = [each for each in CHOICES[choice] if each is OWN or each is FOREIGN] if role else []
                missing = len(CHOICES[choice]) - len(there) - (choice == "unnamed")
                wanted = len(there) if lenient or not missing else 0
                allowed = may(role, "mark" if action == "update" else "delete")
                assert len(found["success"]) == (wanted if allowed else 0), place
                statuses = sorted({each["status_code"] for each in found["errors"]})
                if choice == "unnamed":
                    assert statuses == [400], place
                elif missing and not lenient:
                    assert statuses == [404], place
                elif there and not allowed:
                    assert statuses == [403], place
                if not found["success"]:
                    assert AuditEntry.objects.count() == before, place
                    assert (DagRun.objects.count(), TaskInstance.objects.count()) == (2, 4), place
            checked += 1
    assert checked == len(ROLES) * 2 * 2 * 6 * 2


def test_a_wildcard_reaches_only_what_the_caller_may_see(runs):
    lists = ("dagRuns", "dagRuns/~/taskInstances", "dagRuns/~/taskInstances/~/xcomEntries", "dagRuns/~/hitlDetails")
    batches = ("dagRuns/list", "dagRuns/~/taskInstances/list")
    for role in ROLES:
        client = ApiClient(issue_token(factories.make_user(role)))
        for path in (*lists, *batches):
            verb, body = ("post", {}) if path in batches else ("get", None)
            answer = client.call(verb, f"dags/~/{path}", body)
            assert role or (answer["total_entries"] == 0 and "planted" not in str(answer)), (role, path)
        dry = client.call(
            "post", "dags/~/clearDagRuns", {"dag_runs": [FOREIGN]}, may(role, "clear") * 200 or (403 if role else 404)
        )
        assert role or "planted" not in str(dry["detail"]).replace("`planted`", ""), dry
