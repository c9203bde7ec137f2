"""The web server's entry: pages and API over HTTP, states and logs over web sockets."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

import django

django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter

from orchestrator import celery  # noqa: F401  # so that a trigger from a page reaches our broker, not Celery's default
from orchestrator.live.routing import websocket
from orchestrator.web.bodies import BodyLimit
from orchestrator.web.handler import Handler

application = ProtocolTypeRouter({"http": BodyLimit(Handler()), "websocket": websocket})
