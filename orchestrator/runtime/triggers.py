"""The process that triggers run in: many of them in one event loop, with no Django and no credential.

``python -m orchestrator.runtime.triggers FD``. The triggerer says over the socket which triggers to start
and cancel; this process tells their events, failures and log lines, and asks for what they may read. It
ends when the socket closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import inspect
import io
import logging
import os
import socket
import sys
import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from orchestrator.sdk import comms
from orchestrator.sdk.xcom import dump, length_of
from orchestrator.sdk.xcom_json import decode, encode
from orchestrator.triggers.base import BaseTaskEndEvent, TriggerEvent

from . import loader, protocol

Json = dict[str, Any]
log = logging.getLogger("orchestrator.triggerer")

BLOCKED_SECONDS = 1.0
"""A loop that does not come round for so long is blocked by the trigger that runs."""
CLEANUP_SECONDS = 10.0
AGAIN_SECONDS = 0.1
THREADS = 32
"""Questions and file look-ups that may wait at once."""

current: contextvars.ContextVar[int | None] = contextvars.ContextVar("trigger", default=None)
"""The trigger that the running code belongs to; threads started with ``asyncio.to_thread`` know it too."""


class Channel:
    """This side of the socket. Anybody may tell and ask, from any thread; one thread reads."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sending = threading.Lock()
        self.waiting: dict[int, Future[Any]] = {}
        self.last = 0

    def tell(self, message: Json) -> None:
        with self.sending:
            protocol.send(self.sock, message)

    def ask(self, what: str, args: Json) -> Any:
        """Ask the triggerer, and wait. A trigger that calls this in the loop holds the loop up for as long."""
        answer: Future[Any] = Future()
        with self.sending:
            self.last += 1
            number = self.last
            self.waiting[number] = answer
            message = {"type": "ask", "id": number, "trigger": current.get(), "what": what, "args": args}
            protocol.send(self.sock, message)
        return answer.result()

    def answered(self, message: Json) -> None:
        answer = self.waiting.pop(message["id"], None)
        if answer is None:
            return
        if message.get("error"):
            answer.set_exception(comms.CommsError(message["error"]))
        else:
            answer.set_result(message.get("value"))


class LogHandler(logging.Handler):
    """Sends records to the log of the task whose trigger wrote them."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + loader.trace_of(*record.exc_info)
            say(self.channel, current.get(), record.levelname.lower(), text, record.name)
        except (OSError, ValueError):
            pass


class Output(io.TextIOBase):
    """What a trigger prints, as lines of its task's log."""

    def __init__(self, channel: Channel, name: str) -> None:
        self.channel, self.name = channel, name
        self.parts: dict[int | None, str] = {}

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        key = current.get()
        *lines, rest = (self.parts.pop(key, "") + text).split("\n")
        if rest:
            self.parts[key] = rest
        for line in lines:
            say(self.channel, key, "info" if self.name == "stdout" else "error", line, self.name)
        return len(text)


def say(channel: Channel, key: int | None, level: str, text: str, logger: str) -> None:
    message = {"type": "log", "trigger": key, "level": level, "event": text[:1_000_000], "logger": logger}
    channel.tell({**message, "timestamp": time.time()})


class Host:
    """Runs triggers by the number that the triggerer gave each of them."""

    def __init__(self, channel: Channel, root: str, file: str) -> None:
        self.channel, self.root, self.file = channel, root, file
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.loop = asyncio.get_running_loop()
        self.ended = self.loop.create_future()
        self.busy = threading.Event()
        self.loading = threading.Lock()
        self.loaded: set[str] = set()

    def read(self) -> None:
        """The reading thread: answers go to who waits for them, all else into the loop."""
        try:
            self._read()
        except OSError:
            pass
        finally:
            # The triggerer is gone: others run these triggers now. Whatever else ends this thread must end the
            # process, too, or it would run on with nobody to hear it.
            os._exit(0)

    def _read(self) -> None:
        reader = protocol.Reader()
        while data := self.channel.sock.recv(1 << 18):
            for message in reader.feed(data):
                if message["type"] == "answer":
                    self.channel.answered(message)
                elif message["type"] == "ping":
                    self.channel.tell({"type": "pong"})
                else:
                    self.loop.call_soon_threadsafe(self.obey, message)

    def obey(self, message: Json) -> None:
        if message["type"] == "start":
            key = message["trigger"]
            self.tasks[key] = self.loop.create_task(self.host(message), name=str(key))
            self.busy.set()
        elif message["type"] == "cancel":
            for key in message["triggers"]:
                if key in self.tasks:
                    self.tasks[key].cancel()
        elif message["type"] == "stop":
            self.loop.create_task(self.stop())

    async def stop(self) -> None:
        """Cancel all, so that each cleans up, and end."""
        tasks = list(self.tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=CLEANUP_SECONDS) if tasks else None
        self.ended.set_result(None)

    async def host(self, message: Json) -> None:
        """Run one trigger to its end and tell which it was. Nothing that it does may end the others."""
        key = message["trigger"]
        current.set(key)
        trigger = None
        try:
            trigger = await self.make(message)
            if message.get("watch"):
                await self.watch_for(key, trigger)
            else:
                self.channel.tell({"trigger": key, **await first_event(trigger)})
        except asyncio.CancelledError:
            log.info("The trigger was cancelled")
        except BaseException as error:
            log.error("The trigger failed", exc_info=error)
            self.channel.tell({"type": "failed", "trigger": key, "error": failure(error)})
        finally:
            await clean_up(trigger)
            self.tasks.pop(key, None)
            if not self.tasks:
                self.busy.clear()
            self.channel.tell({"type": "ended", "trigger": key})

    async def watch_for(self, key: int, trigger: Any) -> None:
        """Tell every event of a trigger that watches, begun again whenever it ends by itself."""
        while True:
            async with contextlib.aclosing(events_of(trigger)) as events:
                async for event in events:
                    if not isinstance(event, TriggerEvent) or isinstance(event, BaseTaskEndEvent):
                        raise TypeError(f"the trigger yielded {event!r}: one that watches yields TriggerEvents")
                    self.channel.tell({"trigger": key, **event_message(event, None)})
            await asyncio.sleep(AGAIN_SECONDS)  # one that ends at once must not take the loop to itself

    async def make(self, message: Json) -> Any:
        module = message["classpath"].rpartition(".")[0]
        if module not in self.loaded:
            # An import may take a second: not in the loop that everybody shares.
            await asyncio.to_thread(self.load, module)
        return make_trigger(message["classpath"], message["kwargs"], message["trigger"], message["task_instance"])

    def load(self, module: str) -> None:
        """Import a module once; who comes while it is being imported waits for the whole of it."""
        with self.loading:
            if module in self.loaded:
                return
            if self.root and module.startswith(loader.DAG_FILE_PREFIX):
                loader.load(self.root, self.file)
            else:
                importlib.import_module(module)
            self.loaded.add(module)

    def watch(self) -> None:
        """The watching thread: say which trigger holds the loop up, where, and for how long."""
        loop_thread = threading.main_thread().ident
        while True:
            self.busy.wait()
            came_round = threading.Event()
            self.loop.call_soon_threadsafe(came_round.set)
            began = time.monotonic()
            while not came_round.wait(BLOCKED_SECONDS):
                task = asyncio.current_task(self.loop)
                key = int(task.get_name()) if task is not None and task.get_name().isdigit() else None
                frame = sys._current_frames().get(loop_thread or 0)
                stack = "".join(traceback.format_stack(frame, 8)) if frame is not None else ""
                seconds = time.monotonic() - began
                self.channel.tell({"type": "blocked", "trigger": key, "seconds": seconds, "stack": stack})
            time.sleep(BLOCKED_SECONDS)


def make_trigger(classpath: str, kwargs: Json, number: int, assignment: Json) -> Any:
    """Make a trigger of the task instance of ``assignment``; the module of its class is imported already."""
    from .task_instance import RuntimeTaskInstance

    module, _, name = classpath.rpartition(".")
    trigger = getattr(sys.modules[module], name)(**decode(kwargs))
    trigger.trigger_id = number
    trigger.task_instance = RuntimeTaskInstance(assignment, None) if assignment else None
    return trigger


async def first_event(trigger: Any) -> Json:
    """Wait for the event and return the message that tells it.

    Raises:
        RuntimeError: the trigger ended without one, or ``run`` is no async generator.
    """
    async with contextlib.aclosing(events_of(trigger)) as events:
        async for event in events:
            log.info("The trigger fired")
            return event_message(event, trigger.task_instance)
    raise RuntimeError(f"{type(trigger).__name__}.run ended without yielding an event")


def events_of(trigger: Any) -> Any:
    """Begin a trigger.

    Raises:
        RuntimeError: ``run`` is no async generator.
    """
    events = trigger.run()
    if not hasattr(events, "__aiter__"):
        if inspect.iscoroutine(events):
            events.close()
        raise RuntimeError(f"{type(trigger).__name__}.run must be an async generator: write `yield` in it")
    return events


async def clean_up(trigger: Any) -> None:
    """Let a trigger clean up, for a while; an error is logged and changes nothing."""
    if trigger is None:
        return
    try:
        await asyncio.wait_for(trigger.cleanup(), CLEANUP_SECONDS)
    except Exception:
        log.exception("cleanup of the trigger failed")


def failure(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"the trigger failed: {text[:4000]}"


def event_message(event: Any, instance: Any) -> Json:
    """What is told of an event.

    Raises:
        TypeError: it is no event, or its payload has no form as JSON.
    """
    if isinstance(event, BaseTaskEndEvent):
        most = instance.assignment.get("xcom_max_bytes") or 1 << 20
        xcoms = {
            key: [dump(value, most=most, ti=instance, key=key), length_of(value)]
            for key, value in (event.xcoms or {}).items()
        }
        return {"type": "end", "state": event.task_instance_state, "xcoms": xcoms}
    if isinstance(event, TriggerEvent):
        return {"type": "event", "payload": encode(event.payload)}
    raise TypeError(f"the trigger yielded {event!r}: it must be a TriggerEvent")


async def serve(sock: socket.socket, root: str, file: str) -> None:
    channel = Channel(sock)
    logging.getLogger().handlers[:] = [LogHandler(channel)]
    logging.getLogger().setLevel(logging.INFO)
    sys.stdout, sys.stderr = Output(channel, "stdout"), Output(channel, "stderr")
    comms.use(channel.ask)
    host = Host(channel, root, file)
    host.loop.set_default_executor(ThreadPoolExecutor(THREADS))
    for work in (host.read, host.watch):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    await host.ended


def main(descriptor: int, root: str, file: str) -> None:
    """Serve one triggerer. ``root`` and ``file`` name the DAG version whose classes run here; "" for installed ones."""
    import orchestrator.compat

    from .forkserver import die_with_parent

    die_with_parent()
    orchestrator.compat.install()
    if root:
        loader.add_paths(root, file)
    asyncio.run(serve(socket.socket(fileno=descriptor), root, file))
    os._exit(0)  # not held up by a thread that a trigger left behind


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:4])
