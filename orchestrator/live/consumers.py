"""One socket a page: the page names what it shows, and is told when that changed. Never what changed.

Messages from the page: ``{"watch": [subject, ...]}`` with all subjects it shows now, each ``dags``, ``dag:<id>``,
``run:<pk>`` or ``log:<task instance pk>``. Messages to the page: ``{"changed": subject}``; ``{"refused": subject}``
for what does not exist or is not for this user; ``{"watching": [...]}`` once a ``watch`` holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.utils.crypto import constant_time_compare
from redis import RedisError

from orchestrator import access
from runs_app import notify

MOST_SUBJECTS = 32
MOST_BYTES = 16 * 1024
MESSAGES_PER_SECOND = 10.0
BURST = 30.0
GATHER_SECONDS = 0.03
SESSION_SECONDS = 4.0
"""How often the session and the role are looked at again: an ended one closes its sockets within 5 s."""
RIGHTS_SECONDS = 30.0
SIGNED_OUT, TOO_MUCH, NOT_UNDERSTOOD, TRY_LATER = 4401, 4429, 4400, 1013


class LiveConsumer(AsyncWebsocketConsumer):
    """Tells one page about changes of what it shows."""

    async def connect(self) -> None:
        self.subjects: dict[str, str] = {}  # channel group -> subject
        self.credit, self.counted_at = BURST, time.monotonic()
        self.watcher: asyncio.Task[None] | None = None
        self.telling: asyncio.Task[None] | None = None
        self.pending: set[str] = set()
        self.session_key = getattr(self.scope.get("session"), "session_key", None)
        if not await user_allowed(self.session_key):
            await self.close(code=SIGNED_OUT)
            return
        await self.accept()
        self.watcher = asyncio.create_task(self._look_again())

    async def disconnect(self, code: int) -> None:
        for task in (self.watcher, self.telling):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        for group in list(self.subjects):
            await self._leave(group)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self._within_rate():
            await self.close(code=TOO_MUCH)
            return
        subjects = read_watch(text_data)
        if subjects is None:
            await self.close(code=NOT_UNDERSTOOD)
            return
        groups = await groups_for(self.session_key, subjects)
        wanted = {group: subject for subject, group in groups.items() if group}
        for group in self.subjects.keys() - wanted.keys():
            await self._leave(group)
        try:
            for group in wanted.keys() - self.subjects.keys():
                await self.channel_layer.group_add(group, self.channel_name)
        except (OSError, RedisError):  # the page asks again, and until then looks for itself now and then
            await self.close(code=TRY_LATER)
            return
        self.subjects = wanted
        for subject, group in groups.items():
            if not group:
                await self._tell({"refused": subject})
        await self._tell({"watching": sorted(wanted.values())})

    async def changed(self, event: dict[str, Any]) -> None:
        """Handle a group's message. Which group it came by is not said, so what it is about is worked out from it.

        The same message comes once for each of its groups: what changed is gathered for a moment, then told once.
        """
        self.pending.update(self.subjects[group] for group in groups_of(event) if group in self.subjects)
        if self.pending and (self.telling is None or self.telling.done()):
            self.telling = asyncio.create_task(self._tell_soon())

    async def _tell_soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        subjects, self.pending = sorted(self.pending), set()
        for subject in subjects:
            await self._tell({"changed": subject})

    def _within_rate(self) -> bool:
        now = time.monotonic()
        self.credit = min(BURST, self.credit + (now - self.counted_at) * MESSAGES_PER_SECOND) - 1
        self.counted_at = now
        return self.credit >= 0

    async def _look_again(self) -> None:
        checked_at = time.monotonic()
        while True:
            await asyncio.sleep(SESSION_SECONDS)
            if not await user_allowed(self.session_key):
                await self.close(code=SIGNED_OUT)
                return
            if time.monotonic() - checked_at >= RIGHTS_SECONDS:
                checked_at = time.monotonic()
                await self._drop_what_is_no_longer_allowed()

    async def _drop_what_is_no_longer_allowed(self) -> None:
        still = await groups_for(self.session_key, list(self.subjects.values()))
        for group, subject in list(self.subjects.items()):
            if still.get(subject) != group:
                await self._leave(group)
                await self._tell({"refused": subject} if not still.get(subject) else {"changed": subject})

    async def _leave(self, group: str) -> None:
        self.subjects.pop(group, None)
        with contextlib.suppress(OSError, RedisError):  # a Redis that is away has forgotten the group already
            await self.channel_layer.group_discard(group, self.channel_name)

    async def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the page has gone, and the word of it has not come yet
            await self.send(text_data=json.dumps(message))


def read_watch(text: str | None) -> list[str] | None:
    """Return the subjects a message names, or None for a message that is none of ours."""
    if text is None or len(text) > MOST_BYTES:
        return None
    try:
        subjects = json.loads(text)["watch"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(subjects, list) or len(subjects) > MOST_SUBJECTS:
        return None
    if not all(isinstance(each, str) and len(each) <= 600 for each in subjects):
        return None
    return list(dict.fromkeys(subjects))


def groups_of(event: dict[str, Any]) -> list[str]:
    """Return every channel group that a message of :mod:`runs_app.notify` may have come by."""
    if "instance" in event:
        return [f"log.{event['instance']}.{event['token']}"]
    found = ["dags"]
    if "dag_id" in event:
        found.append(notify.dag_group(event["dag_id"]))
    if "run" in event:
        found.append(f"run.{event['run']}")
    return found


@database_sync_to_async
def user_allowed(session_key: str | None) -> bool:
    """Whether the session is still somebody's who may see anything."""
    return bool(access.highest_role(user_of(session_key)))


def user_of(session_key: str | None) -> Any:
    """Return the active user of a session as it is in the store now, or None: signed out, expired, new password."""
    if not session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    pk, mark = session.get(SESSION_KEY), session.get(HASH_SESSION_KEY)
    if not pk or not mark or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = get_user_model().objects.filter(pk=pk, is_active=True).first()
    if user is None or not constant_time_compare(mark, user.get_session_auth_hash()):
        return None
    return user


@database_sync_to_async
def groups_for(session_key: str | None, subjects: list[str]) -> dict[str, str]:
    """Return subject -> channel group, "" where the user may not see it or there is no such thing."""
    user = user_of(session_key)
    return {subject: _group(user, subject) for subject in subjects}


def _group(user: Any, subject: str) -> str:
    kind, _, name = subject.partition(":")
    if kind == "dags" and not name:
        return "dags" if access.highest_role(user) else ""
    if kind == "dag" and name and "\0" not in name:
        return notify.dag_group(name) if access.visible_dags(user).filter(pk=name).exists() else ""
    if not (name.isascii() and name.isdecimal() and len(name) < 19):
        return ""
    if kind == "run":
        return f"run.{int(name)}" if access.visible_runs(user).filter(pk=int(name)).exists() else ""
    if kind == "log":
        token = access.visible_task_instances(user).filter(pk=int(name)).values_list("token", flat=True).first()
        return f"log.{int(name)}.{token}" if token is not None else ""
    return ""
