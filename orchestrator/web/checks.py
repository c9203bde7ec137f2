"""What ``manage.py check --deploy`` looks at besides Django's own: settings that would let strangers in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from orchestrator.celery import app


@register(Tags.security, deploy=True)
def no_debugging(**_: Any) -> list[CheckMessage]:
    """Django only warns of it; its error pages show settings and source to whoever causes one."""
    if not settings.DEBUG:
        return []
    return [Error("DEBUG is on: pages about errors would show settings and source.", id="orchestrator.E001")]


@register(Tags.security, deploy=True)
def redis_has_a_password(**_: Any) -> list[CheckMessage]:
    """Who can write to Redis can sign himself in as often as he likes, and wake workers without end."""
    return [
        Error(
            f"{name} names a Redis on {host} without a password: whoever reaches it can read and change what is there.",
            hint=f"Set one there (`requirepass`, or an ACL user) and in {name}: rediss://:PASSWORD@{host}:6379/0",
            id="orchestrator.E002",
        )
        for name, host in _open_redis()
    ]


def _open_redis() -> Iterator[tuple[str, str]]:
    """The settings whose Redis is on another machine and asks for no password, with that machine's name."""
    for name, url in (("REDIS_URL", settings.REDIS_URL), ("BROKER_URL", app.conf.broker_url)):
        if name == "BROKER_URL" and url == settings.REDIS_URL:
            continue  # said once
        parts = urlsplit(url or "")
        if (
            parts.scheme in {"redis", "rediss", "valkey", "valkeys"}
            and not parts.password
            and not _is_here(parts.hostname)
        ):
            yield name, parts.hostname or ""


def _is_here(host: str | None) -> bool:
    if host in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
