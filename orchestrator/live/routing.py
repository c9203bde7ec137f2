"""Addresses of the web sockets."""

from __future__ import annotations

from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.urls import path

from .consumers import LiveConsumer

# A socket's request carries the cookies of whoever opens it, from any site: the origin is what tells them apart.
websocket = AllowedHostsOriginValidator(SessionMiddlewareStack(URLRouter([path("ws/live", LiveConsumer.as_asgi())])))
