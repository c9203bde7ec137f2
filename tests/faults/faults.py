"""The faults: what each does, how one sees that it is over, and how long that may take."""

from __future__ import annotations

import contextlib
import http.client
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import redis

from tests.support import processes
from tests.support.ledger import Entry, Ledger
from tests.support.observer import Observer
from tests.support.servers import wait_for
from tests.support.standalone import Refused, Standalone

OPEN = "SELECT id FROM runs_app_attempt WHERE outcome IS NULL"


@dataclass
class Scene:
    """What faults are done to."""

    engine: Standalone
    observer: Observer
    ledger: Ledger
    random: random.Random
    lease_seconds: float
    probes: int = 0
    runs: list[tuple[str, str]] = field(default_factory=list)  # that faults started themselves

    def the_pid(self, kind: str) -> int:
        """The process of a kind that is really there: a row may outlive its process."""
        return wait_for(lambda: next(iter(self.alive(kind)), None), 20, f"a process of the kind {kind}")

    def alive(self, kind: str) -> list[int]:
        """The pids of a kind, as the process table and the process tree both say."""
        rows = self.observer.rows("SELECT kind, pid FROM runs_app_process WHERE ended_at IS NULL")
        return [each.pid for each in self.engine.tree() if (kind, each.pid) in rows]

    def trigger(self, dag_id: str, limit: float = 30) -> str:
        """Start a run, insisting until the API takes it."""
        self.probes += 1
        run_id = f"probe-{self.probes}"

        def accepted() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                try:
                    self.engine.trigger(dag_id, run_id=run_id)
                except Refused as error:
                    return error.status == 409  # an earlier call was taken, only its answer was lost
                return True
            return False

        wait_for(accepted, limit, f"the API taking a run of {dag_id}")
        self.runs.append((dag_id, run_id))
        return run_id

    def probe(self) -> Callable[[], bool]:
        """Start a run of one short task; what is returned says whether its code has run."""
        run_id = self.trigger("load_probe")
        return lambda: any(each.key.run == run_id for each in self.ledger.read())

    def running(self, dag_id: str | None = None) -> Entry:
        """Choose an attempt that runs right now, of ``load_long`` where none is asked for."""
        if dag_id is None:
            dag_id = "load_long"
            self.trigger(dag_id)

        def choose() -> Entry | None:
            found = [
                each
                for each in self.ledger.open()
                if each.key.dag == dag_id and time.monotonic() - each.at < 1.0 and processes.look_up(each.pid)
            ]
            return self.random.choice(found) if found else None

        return wait_for(choose, 60, f"a task of {dag_id} running")

    def outcome(self, entry: Entry) -> str | None:
        key = entry.key
        return self.observer.one(
            "SELECT a.outcome FROM runs_app_attempt a JOIN runs_app_taskinstance i ON i.id = a.task_instance_id "
            "JOIN runs_app_dagrun r ON r.id = i.run_id WHERE r.dag_id = ? AND r.run_id = ? AND i.task_id = ? "
            "AND i.map_index = ? AND a.token = ?",
            [key.dag, key.run, key.task, key.map_index, key.token],
        )


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was done: when, and how one sees that it is over. ``wrong`` is what broke a promise at once."""

    began: float
    is_over: Callable[[], bool]
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault; ``p95`` and ``longest`` are the seconds its recovery may take."""

    inject: Callable[[Scene], Injected]
    p95: float
    longest: float
    postgresql_only: bool = False


def kill_task_child(scene: Scene) -> Injected:
    victim = scene.running()
    began = time.monotonic()
    _kill(victim.pid)
    return Injected(began, lambda: scene.outcome(victim) is not None)


def kill_fork_server(scene: Scene) -> Injected:
    """The zygote of a busy slot, and with it the spares and the attempt."""
    victim = scene.running()
    slot = _slot_of(scene, victim.pid)
    servers = [each for each in processes.tree(slot) if "orchestrator.runtime.forkserver" in each.command()]
    zygote = next(each for each in servers if each.parent == slot)
    began = time.monotonic()
    processes.send([zygote])
    return Injected(began, lambda: scene.outcome(victim) is not None)


def kill_worker(scene: Scene) -> Injected:
    """A worker's main process, its slots, their fork servers and the attempts, all at once."""
    victim = scene.running()
    slot = _slot_of(scene, victim.pid)
    main = processes.look_up(slot)
    assert main is not None
    held = {pk for (pk,) in scene.observer.rows(OPEN)}
    began = time.monotonic()
    processes.send(processes.tree(main.parent))
    return Injected(began, lambda: not held & {pk for (pk,) in scene.observer.rows(OPEN)} and bool(scene.alive("slot")))


def kill_beat(scene: Scene) -> Injected:
    """Over when a run that fell due afterwards has begun; one falls due each second."""
    return _kill_until(scene, "beat", lambda began: _clock_ran_after(scene, began))


def kill_control(scene: Scene) -> Injected:
    return _kill_until(scene, "control", lambda began: _clock_ran_after(scene, began))


def _clock_ran_after(scene: Scene, began: float) -> bool:
    due = [each.at for each in scene.ledger.read() if each.key.dag == "load_clock" and each.at > began + 0.2]
    return bool(due)


def kill_triggerer(scene: Scene) -> Injected:
    """Over when what was deferred at the time has gone on."""
    scene.trigger("load_later")
    deferred = "SELECT i.id, i.token FROM runs_app_taskinstance i WHERE i.state = 'deferred'"
    held = set(wait_for(lambda: scene.observer.rows(deferred), 30, "a task being deferred"))
    return _kill_until(scene, "triggerer", lambda _: not held & set(scene.observer.rows(deferred)))


def kill_web(scene: Scene) -> Injected:
    return _kill_until(scene, "web", lambda _: _answers(scene))


def kill_processor(scene: Scene) -> Injected:
    """Over when a file that came afterwards is known."""
    name = f"new_{scene.random.randrange(1 << 40)}"

    def is_over(_: float) -> bool:
        file = scene.engine.dags_folder / f"{name}.py"
        if not file.exists():
            file.write_text(f"from orchestrator.sdk import DAG\n\ndag = DAG('{name}', schedule=None)\n")
        return bool(scene.observer.one("SELECT count(*) FROM dags_app_dag WHERE dag_id = ?", [name]))

    return _kill_until(scene, "processor", is_over)


def _kill_until(scene: Scene, kind: str, is_over: Callable[[float], bool]) -> Injected:
    pid = scene.the_pid(kind)
    began = time.monotonic()
    _kill(pid)
    return Injected(began, lambda: is_over(began))


def _answers(scene: Scene) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return scene.engine.request("GET", "/api/v2/monitor/health")[0] == 200
    return False


def kill_redis(scene: Scene) -> Injected:
    """It is started again, empty."""
    server = next(each for each in scene.engine.tree() if "redis" in each.command().split(" ")[0])
    began = time.monotonic()
    processes.send([server])
    return Injected(began, scene.probe())


def flush_redis(scene: Scene) -> Injected:
    """Every invitation is lost at the moment when there are many."""
    runs = [scene.trigger("load_fan") for _ in range(3)]
    client = redis.Redis(unix_socket_path=str(scene.engine.home / "redis" / "redis.sock"))
    began = time.monotonic()
    for _ in range(5):
        client.flushall()
        time.sleep(0.02)
    client.close()
    ready = "SELECT count(*) FROM runs_app_taskinstance i JOIN runs_app_dagrun r ON r.id = i.run_id WHERE r.run_id IN (?, ?, ?)"
    begun = ready + " AND i.state NOT IN ('none', 'scheduled')"
    probe = scene.probe()
    return Injected(began, lambda: probe() and scene.observer.one(begun, runs) > 0)


def cut_postgres(scene: Scene) -> Injected:
    began = time.monotonic()
    scene.observer.cut_connections()
    return Injected(began, scene.probe())


def freeze_worker(scene: Scene) -> Injected:
    """A slot stands still past its lease while its child works on: its attempt is given to another slot.

    Woken, it comes with a result that is no longer wanted, and must end what it held within two seconds.
    """
    return _freeze(scene, with_child=False)


def freeze_worker_and_child(scene: Scene) -> Injected:
    return _freeze(scene, with_child=True)


def _freeze(scene: Scene, *, with_child: bool) -> Injected:
    victim = scene.running()
    slot = _slot_of(scene, victim.pid)
    frozen = processes.tree(slot) if with_child else processes.tree(slot)[:1]
    child = processes.look_up(victim.pid)
    wrong: tuple[str, ...] = ()
    began = time.monotonic()
    processes.send(frozen, signal.SIGSTOP)
    try:
        wait_for(
            lambda: scene.outcome(victim) == "lost", scene.lease_seconds + 10, "the frozen attempt counting as lost"
        )
        over = time.monotonic()
    finally:
        processes.send(frozen, signal.SIGCONT)
    try:
        wait_for(lambda: child is None or _is_gone(child), 2.0, "the woken attempt ending")
    except AssertionError:
        wrong = ("2 s after waking, an attempt that had been given to another still ran",)
    return Injected(began + (time.monotonic() - over), lambda: True, wrong)


def freeze_briefly(scene: Scene) -> Injected:
    """Less than a lease: nothing may come of it."""
    victim = scene.running()
    frozen = processes.tree(_slot_of(scene, victim.pid))
    processes.send(frozen, signal.SIGSTOP)
    time.sleep(scene.lease_seconds * 0.3)
    processes.send(frozen, signal.SIGCONT)
    began = time.monotonic()
    wait_for(lambda: scene.outcome(victim) is not None, 20, "the attempt ending")
    outcome = scene.outcome(victim)
    wrong = () if outcome == "success" else (f"an attempt frozen for less than its lease ended {outcome}",)
    return Injected(began, lambda: True, wrong)


def kill_everything(scene: Scene) -> Injected:
    """All processes at once, and a new start on the same home."""
    scene.running()
    began = time.monotonic()
    scene.engine.kill()
    scene.engine.start()
    return Injected(began, scene.probe())


def _slot_of(scene: Scene, child_pid: int) -> int:
    """The slot that an attempt's process descends from."""
    slots = set(scene.observer.pids("slot").values())
    found = processes.look_up(child_pid)
    while found is not None and found.pid not in slots:
        found = processes.look_up(found.parent)
    if found is None:
        raise Missed("the attempt ended before the fault")
    return found.pid


class Missed(Exception):
    """The moment passed before the fault could be done; it is done again."""


def _is_gone(child: processes.Running) -> bool:
    now = processes.look_up(child.pid)
    return now is None or now.started != child.started


def _kill(pid: int) -> None:
    found = processes.look_up(pid)
    if found is None:
        raise Missed("the process ended before the fault")
    processes.send([found])


FAULTS = {
    "task child killed": Fault(kill_task_child, 1, 2),
    "fork server killed": Fault(kill_fork_server, 1, 2),
    "worker killed": Fault(kill_worker, 12, 15),
    "worker frozen past its lease": Fault(freeze_worker, 12, 15),
    "worker and child frozen past the lease": Fault(freeze_worker_and_child, 12, 15),
    "worker frozen briefly": Fault(freeze_briefly, 5, 5),
    "beat killed": Fault(kill_beat, 2, 5),
    "control worker killed": Fault(kill_control, 2, 5),
    "triggerer killed": Fault(kill_triggerer, 12, 15),
    "web server killed": Fault(kill_web, 5, 10),
    "DAG processor killed": Fault(kill_processor, 5, 10),
    "Redis killed": Fault(kill_redis, 5, 10),
    "Redis flushed": Fault(flush_redis, 5, 10),
    "PostgreSQL connections cut": Fault(cut_postgres, 5, 10, postgresql_only=True),
    "everything killed": Fault(kill_everything, 15, 30),
}
