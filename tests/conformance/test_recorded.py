"""Every recorded answer of Airflow, through the same code as ``make test-conformance``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from . import judge
from .accepted import ACCEPTED

SETS = judge.sets(judge.OWN_DATA)


@pytest.mark.parametrize("name", SETS)
def test_every_recorded_case_agrees_or_differs_on_purpose(name: str, engine: None):
    report = judge.run(name, judge.read(judge.OWN_DATA, name))
    assert report.verdicts
    assert not report.wrong, "\n".join("\n".join([each.case_id, *each.wrong]) for each in report.wrong)


def test_the_order_within_a_wave_changes_no_answer(engine: None):
    """Not even where a rule fires early because of what only a skip or a failure brought about."""
    families = {"mapped_group_downstream"}
    cases = [each for each in judge.read(judge.OWN_DATA, "runs") if each.get("family") in families]
    waves = [{**each, "order": "wave backwards"} for each in cases if each["order"] == "wave"]
    verdicts = [judge.judge("runs", each) for each in waves]
    assert len(verdicts) > 3
    assert [each.wrong for each in verdicts if each.word == "disagrees"] == []


def test_a_case_that_cannot_be_answered_disagrees_and_says_why(engine: None):
    spec = {"dag_id": "broken", "nodes": [{"kind": "no such kind"}]}
    verdict = judge.judge("runs", {"id": "runs-x", "spec": spec, "expected": {}})
    assert verdict.word == "disagrees"
    assert "KeyError" in verdict.wrong[0]


def test_a_set_that_nothing_answers_disagrees():
    verdict = judge.judge("nonsense", {"id": "nonsense-1", "expected": {}})
    assert verdict.wrong[0].startswith("no answer: LookupError")


def test_a_wrong_answer_is_told_place_by_place(engine: None):
    (case,) = [each for each in judge.read(judge.OWN_DATA, "weights") if each["family"] == "diamond"]
    name, weight = next(iter(case["expected"]["weights"].items()))
    case["expected"]["weights"][name] = weight + 1
    verdict: Any = judge.judge("weights", case)
    assert verdict.wrong == [f"/weights/{name}: expected {weight + 1}, got {weight}"]


def test_every_kind_that_is_accepted_stands_in_the_list_of_differences():
    text = (judge.OWN_DATA.parents[2] / "docs/reference/differences-from-airflow.md").read_text()
    section = text.partition("## Recorded answers that differ on purpose")[2].partition("\n## ")[0]
    assert re.findall(r"^- \*\*(.+?)\*\*", section, re.MULTILINE) == [kind.name for kind in ACCEPTED]
    assert len(ACCEPTED) <= 10


def test_a_line_that_is_no_json_is_a_case_that_disagrees(tmp_path: Path, engine: None):
    case = next(judge.read(judge.OWN_DATA, "weights"))
    (tmp_path / "weights.jsonl").write_text(f'{{"id": \n\n{json.dumps(case)}\n{json.dumps(case)}\n')
    assert judge.sets(tmp_path) == ["weights"]
    report = judge.run("weights", judge.read(tmp_path, "weights"))
    assert [each.word for each in report.verdicts] == ["disagrees", "agrees", "agrees"]
    assert report.wrong[0].case_id == "weights.jsonl, line 1"
