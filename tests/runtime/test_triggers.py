"""The process that triggers run in, without a triggerer."""

from __future__ import annotations

from orchestrator.runtime.trigger_client import TriggerProcess


def test_the_process_ends_with_its_triggerer_even_while_it_answers():
    started = TriggerProcess(("", ""))
    started.send({"type": "ping"})
    started.sock.close()

    assert started.process.wait(20) == 0
