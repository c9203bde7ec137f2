"""Server-sent events: how one is written, where a client goes on, and whether it still may."""

from __future__ import annotations

import json
import time
from typing import Any

from django.contrib.auth import get_user_model
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .auth import BearerAuthentication

CONTENT_TYPE = "text/event-stream"
ALIVE_SECONDS = 15.0
"""So often something is sent, so that proxies and clients know the connection is there."""
RIGHTS_SECONDS = 5.0


def event(kind: str, data: Any, number: str | int | None = None) -> bytes:
    """One event; JSON has no line breaks of its own, so its data is one line."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def last_event(request: Request) -> str | None:
    """Return the id of the last event that the client has seen; browsers send a header, others may write a parameter."""
    return request.headers.get("Last-Event-ID") or request.GET.get("last_event_id") or None


class Pulse:
    """Says when something has to be sent so that the connection stays, and fetches the user anew now and then."""

    def __init__(self, request: Request) -> None:
        self.request, self.user = request, request.user
        self.sent_at = self.checked_at = time.monotonic()

    def filled(self, data: bytes) -> bytes:
        """Return the data, or where there was none for long, a comment."""
        now = time.monotonic()
        if not data and now - self.sent_at < ALIVE_SECONDS:
            return b""
        self.sent_at = now
        return data or b": still here\n\n"

    def still_signed_in(self) -> bool:
        """Whether the token or the session still is somebody's; ``user`` has her rights of now."""
        if time.monotonic() - self.checked_at < RIGHTS_SECONDS:
            return True
        self.checked_at = time.monotonic()
        try:
            found = BearerAuthentication().authenticate(self.request)
        except AuthenticationFailed:
            return False
        user = found[0] if found else self._of_session()
        if user is None:
            return False
        self.user = user
        return True

    def _of_session(self) -> Any:
        session = self.request.session
        if not session.session_key or not session.exists(session.session_key):
            return None
        user = get_user_model().objects.filter(pk=self.request.user.pk, is_active=True).first()
        # A new password ends sessions: they carry the mark of the one they were made by.
        same = user is not None and user.get_session_auth_hash() == session.get("_auth_user_hash")
        return user if same else None
