"""What plugins are to be told or asked outside of any task: rows, served by the DAG processor in a child process.

A row is written in the transaction of what it tells of. It is tried three times at most: one that ends its process
must not keep the others from being served.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from orchestrator.logs.mask import Masker
from orchestrator.runtime.client import ForkServer

from . import plugins
from .models import PluginCall, PluginSource

log = logging.getLogger(__name__)

Answered = Callable[[int, str, Mapping[str, Any], Any, str | None], None]
"""Takes what was answered to a question: its row, its kind, what was asked, the value, and the error instead of one."""
AT_ONCE = 50
TRIES = 3
LOST_AFTER = timedelta(seconds=120)
"""A call that somebody took so long ago, he died of or with it."""


def heard(*hooks: str) -> set[str]:
    """Those of some hooks that a listener of some plugin listens to, as the plugins were last loaded."""
    found: set[str] = set()
    for brings in PluginSource.objects.filter(error="").values_list("brings", flat=True):
        found.update(brings.get("hooks") or ())
    return found & set(hooks)


def tell(hook: str, payloads: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Have the listeners of a hook called, once for each payload, after the caller's transaction."""
    PluginCall.objects.bulk_create([PluginCall(kind=hook, payload=each, created_at=now) for each in payloads])


def ask(kind: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Have a question answered after the caller's transaction; the answer goes to who knows what to do with it."""
    PluginCall.objects.create(kind=kind, payload=payload, created_at=now)


class Desk:
    """Serves the calls, one batch at a time and in their order, beside the parses of one processor."""

    def __init__(self, server: ForkServer, answered: Answered | None = None) -> None:
        self.server, self.answered = server, answered
        self.batch: list[PluginCall] = []
        self.future: Future[Any] | None = None

    def turn(self, submit: Callable[..., Future[Any]]) -> bool:
        """Take in what was answered and begin with what waits; whether there is still something under way."""
        if self.future is not None:
            if not self.future.done():
                return True
            self._take_in(self.future)
            self.future, self.batch = None, []
        self.batch = take(timezone.now())
        if self.batch:
            self.future = submit(self._serve, self.batch)
        return self.future is not None

    def drain(self, limit: float) -> None:
        """Serve what there is, and wait for it: the processor is about to go."""
        until = timezone.now() + timedelta(seconds=limit)
        if self.future is not None:
            self._take_in(self.future)
            self.future = None
        with ThreadPoolExecutor(1) as pool:  # who answers questions of user code closes its thread's connections
            while timezone.now() < until and (batch := take(timezone.now())):
                self.batch = batch
                self._take_in(pool.submit(self._serve, batch))

    def _serve(self, batch: list[PluginCall]) -> Any:
        from .parsing import Answers  # which stores errors, of which listeners are told

        folder, answers = plugins.current(), Answers()
        result = self.server.parse(
            folder.folder,
            "",
            timeout=settings.ORCH.parse_timeout,
            memory_bytes=settings.ORCH.parse_memory_bytes,
            plugins=folder.folder,
            calls=[{"kind": each.kind, "payload": each.payload} for each in batch],
            answer=answers.answer,
        )
        mask = Masker(answers.secrets).mask if answers.secrets else str
        for each in result.answers:
            each["output"] = mask(str(each.get("output") or ""))
            each["error"] = mask(str(each["error"])) if each.get("error") is not None else None
        return result

    def _take_in(self, future: Future[Any]) -> None:
        try:
            result = future.result(timeout=settings.ORCH.parse_timeout + 10)
        except Exception as error:  # no process to be had: the calls wait for the next turn
            log.warning("plugin_calls_failed error=%s", error)
            give_back(self.batch, uncounted=1)
            return
        if len(result.answers) != len(self.batch):
            reason = result.errors[0]["message"] if result.errors else "it ended without an answer"
            log.error("plugin_calls_failed calls=%d error=%s", len(self.batch), reason)
            self._failed(reason)
            return
        for call, answer in zip(self.batch, result.answers, strict=True):
            _log_output(call, answer)
            self._answered(call, answer.get("value"), answer.get("error"))

    def _failed(self, reason: str) -> None:
        """A call among these ended the process: each is tried again alone, and given up in the end."""
        give_back([each for each in self.batch if each.tries < TRIES])
        for call in self.batch:
            if call.tries >= TRIES:
                log.error("plugin_call_given_up kind=%s error=%s", call.kind, reason)
                self._answered(call, None, reason)

    def _answered(self, call: PluginCall, value: Any, error: str | None) -> None:
        if call.kind.startswith("on_") or call.kind == "before_stopping":
            PluginCall.objects.filter(pk=call.pk).delete()
        elif self.answered is not None:
            self.answered(call.pk, call.kind, call.payload, value, error)


def take(now: datetime) -> list[PluginCall]:
    """Take the oldest calls that nobody has; one that was tried before comes alone."""
    with transaction.atomic():
        free = Q(claimed_at=None) | Q(claimed_at__lt=now - LOST_AFTER)
        rows = list(PluginCall.objects.select_for_update(skip_locked=True).filter(free).order_by("pk")[:AT_ONCE])
        found = list(takewhile(lambda each: not each.tries, rows)) or rows[:1]
        PluginCall.objects.filter(pk__in=[each.pk for each in found]).update(claimed_at=now, tries=F("tries") + 1)
    for each in found:
        each.tries += 1
    return found


def give_back(calls: Iterable[PluginCall], uncounted: int = 0) -> None:
    """Leave calls to the next turn; ``uncounted``: so many of their tries were none."""
    rows = PluginCall.objects.filter(pk__in=[each.pk for each in calls])
    rows.update(claimed_at=None, tries=F("tries") - uncounted)


def _log_output(call: PluginCall, answer: Mapping[str, Any]) -> None:
    """What a listener prints goes where it goes in Airflow: to the log of the component that calls it."""
    for line in str(answer.get("output") or "").splitlines():
        log.info("plugin_said call=%s line=%s", call.kind, line[:2000])
    if answer.get("error"):
        log.error("plugin_call_failed call=%s error=%s", call.kind, answer["error"])
