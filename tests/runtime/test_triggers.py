"""The process that triggers run in, without a triggerer."""

from __future__ import annotations

from pathlib import Path

from orchestrator.runtime.trigger_client import TriggerProcess, dotted_paths, place_for


def test_the_process_ends_with_its_triggerer_even_while_it_answers():
    started = TriggerProcess(("", ""))
    started.send({"type": "ping"})
    started.sock.close()

    assert started.process.wait(20) == 0


def test_a_trigger_runs_where_the_functions_that_it_names_can_be_imported(tmp_path: Path):
    (tmp_path / "dag.py").touch()
    (tmp_path / "messages.py").touch()
    kwargs = {"apply_function": "messages.is_large", "topics": ["a.b"], "pause": 1, "file": "x/messages.py"}
    assert dotted_paths(kwargs) == ["messages.is_large"]
    its_own = (str(tmp_path), "dag.py")
    assert place_for(["elsewhere.Trigger", *dotted_paths(kwargs)], *its_own) == its_own
    assert place_for(["elsewhere.Trigger"], *its_own) == ("", "")
