"""Waiting for files."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.sdk.connections import Connection
from orchestrator.sdk.exceptions import AirflowException, AirflowNotFoundException
from orchestrator.sdk.operator import deferrable_or_default
from orchestrator.sdk.sensor import BaseSensorOperator


class FileSensor(BaseSensorOperator):
    """Waits until a file, or a folder with a file in it, is at ``filepath``; wildcards are allowed.

    A relative path stands below the ``path`` of the connection ``fs_conn_id``; an absolute one needs no connection.
    ``recursive`` lets ``**`` stand for any number of folders. ``start_from_trigger`` has the wait begin without a poke.
    """

    template_fields: Collection[str] = ("filepath", "fs_conn_id")
    ui_color = "#91818a"

    def __init__(
        self,
        *,
        filepath: str,
        fs_conn_id: str = "fs_default",
        recursive: bool = False,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filepath, self.fs_conn_id, self.recursive = filepath, fs_conn_id, recursive
        self.deferrable = deferrable_or_default(deferrable)
        self.start_from_trigger = self.deferrable and start_from_trigger

    @property
    def path(self) -> str:
        """The whole path."""
        given = str(self.filepath)
        try:
            base = Connection.get(self.fs_conn_id).extra_dejson.get("path", "")
        except AirflowNotFoundException as error:
            if not os.path.isabs(given):
                raise AirflowException(
                    f"the file {given!r} is relative and there is no connection {self.fs_conn_id!r}: "
                    "give an absolute path, or a connection whose extra has a 'path'"
                ) from error
            base = ""
        return os.path.join(base, given)

    def poke(self, context: Any) -> bool:
        path = self.path
        self.log.info("Poking for file %s", path)
        for found in glob.iglob(path, recursive=self.recursive):
            if os.path.isfile(found):
                changed = datetime.fromtimestamp(os.path.getmtime(found), UTC)
                self.log.info("Found File %s last modified: %s", found, changed.strftime("%Y%m%d%H%M%S"))
                return True
            if any(files for _, _, files in os.walk(found)):
                return True
        return False

    def execute(self, context: Any) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if self.start_from_trigger or not self.poke(context):
            from orchestrator.triggers.file import FileTrigger

            self.defer(
                trigger=FileTrigger(filepath=self.path, recursive=self.recursive, poke_interval=self.poke_interval),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        return None

    def execute_complete(self, context: Any, event: Any = None) -> None:
        if not event:
            raise AirflowException(f"{self.task_id} task failed as {self.filepath} not found.")
