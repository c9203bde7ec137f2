"""``manage.py standalone``: everything on one machine, in one command."""

from __future__ import annotations

import gc
import http.client
import os
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from dags_app.bundles.config import BundleError, configured
from runs_app import first_start, roles
from runs_app.supervisor import Member, Supervisor


class Command(BaseCommand):
    """Redis, web server, scheduler, control worker, worker, triggerer and DAG processor under one supervisor."""

    help = "Start everything on this machine; Ctrl-C stops it."
    requires_system_checks: list[str] = []  # they cost a second and belong to deployment, not to every start

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-web", action="store_true", help="without the web server")

    def handle(self, *args: Any, no_web: bool, **options: Any) -> None:
        os.umask(0o077)
        try:
            self.lock = first_start.take_home()
            if not no_web:
                first_start.check_port(settings.ORCH.host, settings.ORCH.port)
            first_start.check_database()
            redis = first_start.redis_command()
            members = [
                Member(
                    name, getattr(roles, name), stop_last=name == "processor"
                )  # it serves what the others say at their end
                for name in roles.ROLES
                if not (no_web and name == "web")
            ]
            self.supervisor = Supervisor(members, stop_seconds=settings.ORCH.drain_seconds + 5)
            if redis is not None:
                own = Member("redis", command=redis, stop_last=True)
                self.supervisor.members.insert(0, own)
                self.supervisor.start(own)
        except first_start.CannotStart as error:
            raise CommandError(str(error)) from error
        try:
            self._prepare()
        except first_start.CannotStart as error:
            self.supervisor.stop()
            raise CommandError(str(error)) from error
        except BaseException:
            self.supervisor.stop()
            raise
        self.address = f"http://{settings.ORCH.host}:{settings.ORCH.port}"
        self.told = no_web
        self.supervisor.run(self._tell_when_ready)
        self.stdout.write("Stopped.")

    def _prepare(self) -> None:
        settings.ORCH.dags_folder.mkdir(parents=True, exist_ok=True)
        try:
            configured()
        except BundleError as error:  # the DAG processor would end with it, again and again
            raise CommandError(str(error)) from error
        if first_start.migrate():
            self.stdout.write("The tables are up to date.")
        first_start.collect_static()
        self.admin = first_start.make_admin()
        preload()
        first_start.wait_for_redis(15)
        connections.close_all()
        gc.collect()
        gc.freeze()  # what is loaded by now stays shared between the processes forked from here

    def _tell_when_ready(self) -> None:
        if self.told:
            return
        connection = http.client.HTTPConnection(settings.ORCH.host, settings.ORCH.port, timeout=1)
        try:
            connection.request("GET", "/api/v2/monitor/health")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.02)
            return
        finally:
            connection.close()
        self.told = True
        self.stdout.write(f"\nOrchestrator is ready:  {self.address}\n")
        self.stdout.write(f"DAG files:              {settings.ORCH.dags_folder}\n")
        if self.admin is not None:
            name, password = self.admin
            self.stdout.write(f"Sign in as              {name}\n")
            self.stdout.write(f"with the password       {password}   (shown this once; you will choose your own)\n")
        self.stdout.write("Ctrl-C stops everything.\n")
        self.stdout.flush()
        sys.stdout.flush()


def preload() -> None:
    """Import what the roles need, once for all of them."""
    import uvicorn.loops.uvloop
    import uvicorn.protocols.http.httptools_impl
    import uvicorn.protocols.websockets.websockets_sansio_impl  # noqa: F401
    from django.urls import get_resolver

    import runs_app.tasks
    import runs_app.worker  # noqa: F401

    get_resolver().url_patterns  # noqa: B018  # loads the views
