"""The lean process that attempts and parses are forks of. No Django, no Celery, no credential.

``python -m orchestrator.runtime.forkserver FD``: the zygote. It imports the SDK, and on request forks
a *version server*, which imports one DAG file once and keeps spare children waiting; or a *parse*,
which imports a file and reports its DAGs. Processes end when the socket to their parent closes.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
from typing import Any

from . import protocol

PR_SET_PDEATHSIG = 1

SPARES = 2
"""One is ready while the other still rehearses: in a chain of short tasks the next is wanted sooner than that takes."""
REHEARSALS = 20
"""The interpreter adapts code to what it does after eight runs; later is in each child, which copies the page."""


_prctl = ctypes.CDLL(None).prctl


def set_parent_death_signal(number: int) -> None:
    """Have the kernel send us this signal when the thread that made us ends."""
    _prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def die_with_parent() -> None:
    set_parent_death_signal(signal.SIGKILL)


def main(descriptor: int) -> None:
    """Serve the zygote's requests until its supervisor goes."""
    import faulthandler
    import inspect  # noqa: F401  # here and once, or every attempt and every parse pays its 8 ms

    import orchestrator.compat
    import orchestrator.operators.python
    import orchestrator.runtime.child
    import orchestrator.runtime.loader
    import orchestrator.runtime.parse
    import orchestrator.runtime.plugins
    import orchestrator.sdk.decorators
    import orchestrator.sdk.registry
    import orchestrator.sdk.templating
    from orchestrator.runtime.rehearsal import rehearse

    orchestrator.compat.install()
    orchestrator.runtime.plugins.entry_points()  # once, not in each parse
    die_with_parent()
    faulthandler.register(protocol.DUMP_SIGNAL, file=2, all_threads=True)  # children have it from here, at no cost
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # else a log shows what is printed at the end
    control = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for _ in range(REHEARSALS):
        rehearse()
    gc.collect()
    gc.freeze()
    wake_read, wake_write = _wake_on_child()
    parses = False
    while True:
        ready, _, _ = select.select([control, wake_read], [], [])
        if wake_read in ready:
            _drain(wake_read)
            for pid, status, usage in _reap():
                protocol.send(control, _exit_message(pid, status, usage))
        if control in ready:
            request, fds = _request(control)
            if request["type"] == "parse" and not parses:
                parses = True
                orchestrator.runtime.parse.warm_up()
                gc.collect()
                gc.freeze()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                os.close(wake_read)
                os.close(wake_write)
                _become(request, fds)
            for fd in fds:
                os.close(fd)
            protocol.send(control, {"type": "forked", "pid": pid, "id": request["id"]})


def _request(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    try:
        data, fds, _, _ = socket.recv_fds(control, 65536, 4)
    except ConnectionResetError:  # closed while an answer of ours was on its way
        data = b""
    if not data:
        os._exit(0)
    reader = protocol.Reader()
    found = reader.feed(data)
    while not found:
        found = reader.feed(control.recv(65536))
    return found[0], fds


def _become(request: dict[str, Any], fds: list[int]) -> None:
    """In the fork: be what was asked for, and never come back."""
    try:
        die_with_parent()
        if request["type"] == "parse":
            from .parse import run_parse

            run_parse(request, fds[0], fds[1] if len(fds) > 1 else None)
        else:
            VersionServer(socket.socket(fileno=fds[0]), request).serve()
    except (BrokenPipeError, ConnectionResetError):
        pass  # who asked is gone, and what we forked goes with us
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(1)


class VersionServer:
    """Holds one DAG file loaded, and spare children that wait for their assignments."""

    def __init__(self, control: socket.socket, request: dict[str, Any]) -> None:
        self.control = control
        self.request = request
        self.children: set[int] = set()

    def serve(self) -> None:
        from functools import partial

        from orchestrator.sdk import comms
        from orchestrator.sdk.mapped import mapped_over

        from . import plugins
        from .child import Channel, serve
        from .loader import LoadError, load
        from .rehearsal import rehearse

        self.attempt = partial(serve, rehearse=rehearse)

        comms.use(Channel(self.control).ask)  # a file may read variables and connections while it is imported
        plugins.load(os.path.join(self.request["root"], plugins.IN_VERSION))  # what is wrong was told at the parse
        try:
            dags = load(self.request["root"], self.request["file"])
        except LoadError as error:
            protocol.send(self.control, {"type": "broken", "error": str(error)})
            os._exit(1)
        comms.use(None)
        for dag in dags.values():
            dag._mapped_over = mapped_over(dag)
        gc.collect()
        gc.freeze()
        wake_read, _ = _wake_on_child()
        for _ in range(SPARES):
            self._spare(dags)
        while True:
            ready, _, _ = select.select([self.control, wake_read], [], [])
            if wake_read in ready:
                _drain(wake_read)
                for pid, status, usage in _reap():
                    self.children.discard(pid)
                    protocol.send(self.control, _exit_message(pid, status, usage))
            if self.control in ready:
                try:
                    data = self.control.recv(4096)
                except ConnectionResetError:
                    data = b""
                if not data:
                    for pid in self.children:
                        _kill_group(pid)
                    os._exit(0)
                for wish in data:
                    if wish == protocol.SPARE:
                        self._spare(dags)
                    else:
                        _keep(protocol.WORTH_KEEPING[wish])

    def _spare(self, dags: dict[str, Any]) -> None:
        """Fork a child that waits; its socket and outputs go to the supervisor ahead of time."""
        mine, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setpgid(0, 0)
            die_with_parent()
            self.control.close()
            mine.close()
            for fd in (out_read, err_read):
                os.close(fd)
            os.dup2(out_write, 1)
            os.dup2(err_write, 2)
            for fd in (out_write, err_write):
                os.close(fd)
            self.attempt(theirs, dags)
        self.children.add(pid)
        try:
            os.setpgid(pid, pid)  # here too: a signal may be meant for it before it runs its own first line
        except OSError:
            pass
        theirs.close()
        os.close(out_write)
        os.close(err_write)
        protocol.send(self.control, {"type": "spare", "pid": pid}, [mine.fileno(), out_read, err_read])
        mine.close()
        os.close(out_read)
        os.close(err_read)


def _keep(module: str) -> None:
    """Import what an attempt had to import, so that the next ones find it there."""
    try:
        __import__(module)
    except Exception:  # the attempts that need it tell why
        return
    gc.collect()
    gc.freeze()


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _wake_on_child() -> tuple[int, int]:
    """Make SIGCHLD readable, so that one select waits for requests and ends alike."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read, write


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def _reap() -> list[tuple[int, int, resource.struct_rusage]]:
    found = []
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status, usage))


def _exit_message(pid: int, status: int, usage: resource.struct_rusage) -> dict[str, Any]:
    code = os.waitstatus_to_exitcode(status)
    return {
        "type": "exit",
        "pid": pid,
        "code": code if code >= 0 else None,
        "signal": signal.Signals(-code).name if code < 0 else None,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
