"""What has to stand before the processes start: folders, tables, static files, somebody who may sign in."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import socket
import time
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection

from orchestrator import redis_server


class CannotStart(Exception):
    """Something is in the way; the message says what and what to do."""


def take_home() -> Any:
    """Make the home (0700) and hold its lock for as long as the returned file is open.

    Raises:
        CannotStart: another copy holds it.
    """
    home: Path = settings.ORCH.home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = open(home / "standalone.lock", "a+")  # noqa: SIM115  # open for the life of the process
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        told = file.read().strip() or "another process"
        file.close()
        raise CannotStart(f"Already running in {home}: {told}. Nothing was changed.") from None
    file.truncate(0)
    file.write(f"pid {os.getpid()}, http://{settings.ORCH.host}:{settings.ORCH.port}\n")
    file.flush()
    os.set_inheritable(file.fileno(), False)
    return file


def check_port(host: str, port: int, patience: float = 5.0) -> None:
    """Make sure that the web server will get its port; one that was just stopped may need a moment to leave it.

    Raises:
        CannotStart: somebody else listens there.
    """
    deadline = time.monotonic() + patience
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"Port {port} on {host} cannot be used ({error.strerror}): stop what listens there, or set PORT"
                    ) from error
        time.sleep(0.1)


def check_database() -> None:
    """Raises:
    CannotStart: it cannot be reached or used.
    """
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        where = connection.settings_dict.get("HOST") or connection.settings_dict.get("NAME")
        raise CannotStart(f"The database at {where} cannot be reached: {error}. Check DATABASE_URL.") from error


def wait_for_redis(limit: float) -> None:
    """Raises:
    CannotStart: no answer within ``limit`` seconds.
    """
    import redis

    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    deadline = time.monotonic() + limit
    try:
        while True:
            try:
                client.ping()
                return
            except redis.RedisError as error:
                if time.monotonic() > deadline:
                    raise CannotStart(f"Redis does not answer ({error}). Check REDIS_URL.") from error
                time.sleep(0.01)
    finally:
        client.close()


def redis_command() -> list[str] | None:
    """Return the command of our own Redis, or None where REDIS_URL names one that runs elsewhere.

    Raises:
        CannotStart: there is no Redis server here.
    """
    if os.environ.get("REDIS_URL"):
        return None
    folder: Path = settings.ORCH.home / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(str(folder / "redis.sock")) > 100:
        raise CannotStart(f"{folder} is too long a path for a socket: set ORCHESTRATOR_HOME to a shorter one")
    try:
        return redis_server.command(folder)
    except redis_server.NoRedis as error:
        raise CannotStart(str(error)) from error


def migrate() -> bool:
    """Bring the tables up to date; False where they are already, which costs one query."""
    if not _missing_migrations():
        return False
    call_command("migrate", verbosity=0, interactive=False)
    return True


def check_tables() -> None:
    """Make sure that a role started by itself finds the database as it needs it.

    Raises:
        CannotStart: it cannot be reached, or lacks tables of this release.
    """
    check_database()
    missing = _missing_migrations()
    if missing:
        name = connection.settings_dict["NAME"]
        raise CannotStart(f"The database {name} lacks {len(missing)} migrations: run `manage.py migrate` first.")


def _missing_migrations() -> set[tuple[str, str]]:
    wanted = {
        (config.label, path.stem)
        for config in apps.get_app_configs()
        for path in (Path(config.path) / "migrations").glob("[0-9]*.py")
    }
    if "django_migrations" not in connection.introspection.table_names():
        return wanted
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return wanted - set(cursor.fetchall())


def collect_static() -> bool:
    """Bring the served files up to date; False where nothing changed."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = os.stat(storage.path(name))
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".digest"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return False
    call_command("collectstatic", verbosity=0, interactive=False, clear=False)
    stamp.write_text(digest.hexdigest())
    return True


def make_admin() -> tuple[str, str] | None:
    """Make somebody who may do everything, where there is nobody yet.

    The name and password come from ORCHESTRATOR_ADMIN_USER and ORCHESTRATOR_ADMIN_PASSWORD. Without the latter
    the password is random: (name, password) is returned to be shown once, and has to be changed at the first sign-in.
    """
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    users = get_user_model().objects
    name = os.environ.get("ORCHESTRATOR_ADMIN_USER") or "admin"
    given = os.environ.get("ORCHESTRATOR_ADMIN_PASSWORD")
    if users.filter(username=name).exists() or (not given and users.filter(is_superuser=True).exists()):
        return None
    password = given or secrets.token_urlsafe(12)
    # Never signed in = a one-time password: the first sign-in asks for an own one. One that was given is one's own.
    user = users.create_superuser(username=name, password=password, last_login=timezone.now() if given else None)
    return None if given else (user.get_username(), password)
