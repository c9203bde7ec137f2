"""Where the tasks of a local run are carried out: a fork each, or this process."""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from orchestrator.sdk import comms

from . import protocol
from .child import Channel, carry_out, log_to
from .local_answers import Memory

Json = dict[str, Any]


class Place:
    """Carries out assignments one after the other; ``memory`` answers what their code asks for."""

    def __init__(self, dag: Any, memory: Memory, say: Callable[[str], None], *, in_process: bool) -> None:
        self.dag, self.memory, self.say, self.in_process = dag, memory, say, in_process
        self.ended = ""  # how the last fork did

    def carry_out(self, assignment: Json, name: str) -> Json:
        """Have an assignment carried out and return its result message."""
        self.memory.asking = (assignment.get("task_id"), assignment.get("map_index", -1))
        run = self._here if self.in_process else self._forked
        result = run(assignment, name)
        if result is not None:
            return result
        return {"outcome": "failed", "retry": True, "crashed": True, "error": f"its process ended: {self.ended}"}

    def _here(self, assignment: Json, name: str) -> Json | None:
        return carry_out(assignment, {self.dag.dag_id: self.dag}, self)

    def ask(self, what: str, args: Json) -> Any:
        return self.memory.ask(what, args)

    def tell(self, message: Json) -> None:
        """What an attempt in this process tells: its logging is this process's own."""

    def _forked(self, assignment: Json, name: str) -> Json | None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._serve(theirs, assignment)
        theirs.close()
        result = None
        try:
            while True:
                message = protocol.receive(ours)
                if message["type"] in {"result", "ended"}:
                    result = message
                elif message["type"] == "log":
                    for line in message["event"].split("\n"):
                        self.say(f"  {name} | {message['level'].upper():<7} {line}")
                elif message["type"] == "ask":
                    self._reply(ours, message)
        except (EOFError, OSError):
            pass
        except KeyboardInterrupt:
            os.kill(pid, signal.SIGTERM)  # it cleans up
            raise
        finally:
            ours.close()
            _, status = os.waitpid(pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self.ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return result

    def _serve(self, sock: socket.socket, assignment: Json) -> None:
        """In the fork: be one attempt, as the fork server's children are; never returns."""
        code = 1
        try:
            _die_with_parent()
            channel = Channel(sock)
            log_to(channel)
            comms.use(channel.ask)
            channel.tell(carry_out(assignment, {self.dag.dag_id: self.dag}, channel))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reply(self, sock: socket.socket, message: Json) -> None:
        reply: Json = {"id": message["id"]}
        try:
            reply["value"] = self.memory.ask(message["what"], message["args"])
        except Exception as error:  # what cannot be answered is the asking code's to handle
            reply["error"] = str(error)
        if message["id"] is not None:
            protocol.send(sock, reply)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        from .forkserver import die_with_parent

        die_with_parent()
